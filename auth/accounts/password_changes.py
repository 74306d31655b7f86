"""New passwords: of somebody who knows the old one, or by a link of an administrator that works once, for a day."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.accounts.passwords import Passwords, check_password
from auth.hashing import hash_secret
from auth.page_refusals import TitledFailure
from auth.texts import say
from server.clock import Clock
from server.errors import Failure
from server.ids import UserId
from server.store.db import Database
from server.store.record.people.accounts import User, set_password
from server.store.record.people.password_resets import delete_reset, find_reset_user, put_reset, take_reset
from server.store.record.people.sessions import delete_user_sessions

PATH = "/reset"
LIFETIME = timedelta(hours=24)


async def change_password(
    connection: AsyncConnection,
    user_id: UserId,
    password_hash: str,
    *,
    kept_session: str | None = None,
    ends_sessions: bool = True,
) -> None:
    """Replace a password, and end their link and their sessions; `kept_session` is the hash of one that stays."""
    await set_password(connection, user_id, password_hash)
    await delete_reset(connection, user_id)
    if ends_sessions:
        await delete_user_sessions(connection, user_id, but=kept_session)


async def make_reset_link(
    connection: AsyncConnection, public_url: str, user_id: UserId, now: datetime
) -> tuple[str, datetime]:
    """Return the URL of a new link that resets a user's password, and its end. An earlier one ends now."""
    link, expires_at = secrets.token_urlsafe(32), now + LIFETIME
    await put_reset(connection, user_id=user_id, link_hash=hash_secret(link), now=now, expires_at=expires_at)
    return f"{public_url}{PATH}?link={link}", expires_at


async def read_reset_link(db: Database, link: str, now: Clock) -> User:
    """Return the user whose password a link resets.

    Raises:
        Failure: `not_found`, the same for a link that is unknown, used or expired, or whose user is shut out.
    """
    async with db.read() as connection:
        user = await find_reset_user(connection, hash_secret(link), now())
    if user is None:
        raise _make_ended_failure()
    return user


async def reset_password(db: Database, passwords: Passwords, link: str, password: str, now: Clock) -> User:
    """Set a new password with a link, which is used up, and return the user. All their sessions end.

    Raises:
        Failure: `not_found` as `read_reset_link`; `invalid` for the password, and the link stays.
    """
    await read_reset_link(db, link, now)
    check_password(password)
    hashed = await passwords.hash(password)
    async with db.write() as connection:
        user = await find_reset_user(connection, hash_secret(link), now())
        if user is None or not await take_reset(connection, hash_secret(link)):
            raise _make_ended_failure()
        await change_password(connection, user.id, hashed)
    return user


def _make_ended_failure() -> Failure:
    return TitledFailure(
        "not_found",
        say("This link works no more"),
        say("It was used, or is too old. Ask an administrator of this server for a new one."),
    )
