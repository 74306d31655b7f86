"""Limits on logins, registrations and sign-ups. Tries are counted in SQL, so that several processes count together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth.hashing import hash_secret
from auth.texts import say_count
from server.errors import Failure
from server.names import fold_name
from server.store.db import Database
from server.store.record.people.attempts import count_attempt, uncount_attempt


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` tries in a `window` that begins with the first try."""

    name: str
    count: int
    window: timedelta

    def make_row_key(self, subject: str) -> str:
        """Return the key of the row that counts. The subject is hashed, because it may be longer than the column."""
        return f"{self.name}:{hash_secret(subject)}"


#: Wrong passwords: from one address, for one name from one address, for one name from anywhere, and in one browser in
#: which the name's owner has logged in before. The bound for a name is high, because anybody can lock it.
LOGIN_BY_ADDRESS = Limit("login-address", 50, timedelta(minutes=15))
LOGIN_BY_NAME_AND_ADDRESS = Limit("login-name-address", 10, timedelta(minutes=15))
LOGIN_BY_NAME = Limit("login-name", 100, timedelta(minutes=15))
LOGIN_BY_KNOWN_BROWSER = Limit("login-browser", 10, timedelta(minutes=15))
#: Registrations, fetched documents, logins that begin at a provider, sign-ups and uses of reset links from one address.
REGISTRATIONS = Limit("registration", 60, timedelta(hours=1))
DOCUMENTS = Limit("document", 30, timedelta(hours=1))
UPSTREAM_LOGINS = Limit("upstream-login", 60, timedelta(minutes=15))
SIGNUPS = Limit("signup", 20, timedelta(hours=1))
RESETS = Limit("reset", 40, timedelta(hours=1))
#: Accounts that programs make through the API, from one address.
API_SIGNUPS = (
    Limit("api-signup-hour", 5, timedelta(hours=1)),
    Limit("api-signup-day", 20, timedelta(days=1)),
)


async def count_tries(db: Database, tries: Iterable[tuple[Limit, str]], now: datetime) -> None:
    """Count one try against each limit, up to the first one that refuses it. Those behind it are not counted.

    This comes before the try itself, so that a burst cannot slip through.

    Raises:
        Failure: `too_many_requests`, with the number of seconds to wait.
    """
    wait = timedelta()
    async with db.write() as connection:
        for limit, subject in tries:
            count, ends_at = await count_attempt(connection, limit.make_row_key(subject), limit.window, now)
            if count > limit.count:
                wait = ends_at - now
                break
    if wait:
        minutes = -(-wait // timedelta(minutes=1))
        message = say_count(
            "Too many tries. Try again in %(count)s minute.", "Too many tries. Try again in %(count)s minutes.", minutes
        )
        raise Failure("too_many_requests", message, retry_after=max(1, int(wait.total_seconds())))


def list_login_tries(name: str, address: str, browser_id: str | None) -> list[tuple[Limit, str]]:
    """Return the limits for a login under a name. `browser_id`: the browser, if the name's owner knows it."""
    if browser_id is not None:
        return [(LOGIN_BY_KNOWN_BROWSER, browser_id)]
    key = fold_name(name)
    # The address comes first, so that one that is refused cannot lock a name.
    return [(LOGIN_BY_ADDRESS, address), (LOGIN_BY_NAME_AND_ADDRESS, f"{address} {key}"), (LOGIN_BY_NAME, key)]


async def take_back_tries(db: Database, tries: Iterable[tuple[Limit, str]]) -> None:
    """Take one try of each limit back after a login, because only wrong passwords count."""
    async with db.write() as connection:
        for limit, subject in tries:
            await uncount_attempt(connection, limit.make_row_key(subject))
