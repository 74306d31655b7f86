"""Limits on logins, registrations and sign-ups. Tries are counted in SQL, so that several processes count together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth.hashing import hash_secret
from server.errors import Failure
from server.store.db import Database
from server.store.record.people.attempts import count_attempt, forget_attempts, uncount_attempt


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` tries in a `window` that begins with the first try."""

    name: str
    count: int
    window: timedelta

    def make_row_key(self, subject: str) -> str:
        """Return the key of the row that counts. The subject is hashed, because it may be longer than the column."""
        return f"{self.name}:{hash_secret(subject)}"


#: Wrong passwords for one user name, and from one address.
LOGIN_BY_NAME = Limit("login-name", 10, timedelta(minutes=15))
LOGIN_BY_ADDRESS = Limit("login-address", 50, timedelta(minutes=15))
#: Registrations, fetched documents and sign-ups from one address.
REGISTRATIONS = Limit("registration", 60, timedelta(hours=1))
DOCUMENTS = Limit("document", 30, timedelta(hours=1))
SIGNUPS = Limit("signup", 20, timedelta(hours=1))
#: Accounts that programs make through the API, from one address.
API_SIGNUPS = (
    Limit("api-signup-hour", 5, timedelta(hours=1)),
    Limit("api-signup-day", 20, timedelta(days=1)),
)


async def count_tries(db: Database, tries: Iterable[tuple[Limit, str]], now: datetime) -> None:
    """Count one try against each limit. This comes before the try itself, so that a burst cannot slip through.

    Raises:
        Failure: `too_many_requests`, with the number of seconds to wait.
    """
    wait = timedelta()
    async with db.write() as connection:
        for limit, subject in tries:
            count, ends_at = await count_attempt(connection, limit.make_row_key(subject), limit.window, now)
            if count > limit.count:
                wait = max(wait, ends_at - now)
    if wait:
        minutes = -(-wait // timedelta(minutes=1))
        message = f"Too many tries. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        raise Failure("too_many_requests", message, retry_after=max(1, int(wait.total_seconds())))


async def reset_login_tries(db: Database, name: str, address: str) -> None:
    """After a login: forget the tries for the name, and take back this try from the address. Only failures count."""
    async with db.write() as connection:
        await forget_attempts(connection, LOGIN_BY_NAME.make_row_key(name))
        await uncount_attempt(connection, LOGIN_BY_ADDRESS.make_row_key(address))
