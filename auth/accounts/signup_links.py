"""Links that make accounts: the setup link of a new server, and invitations. Each works once, within a day."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.hashing import hash_secret
from server.store.db import Database
from server.store.record.people.accounts import has_admin
from server.store.record.people.signup_links import SignupLinkKind, delete_links, insert_link

LIFETIME = timedelta(hours=24)
PATHS: dict[SignupLinkKind, str] = {"setup": "/setup", "invite": "/signup"}


async def make_setup_link(db: Database, public_url: str, now: datetime) -> str | None:
    """Return a new link that makes the first admin, and end every earlier one; None if there is an admin."""
    async with db.write() as connection:
        await delete_links(connection, "setup")
        return None if await has_admin(connection) else await _make_link(connection, "setup", public_url, now)


async def make_invite_link(db: Database, public_url: str, now: datetime) -> str:
    """Return a new link that lets one person make an account."""
    async with db.write() as connection:
        return await _make_link(connection, "invite", public_url, now)


async def _make_link(connection: AsyncConnection, kind: SignupLinkKind, public_url: str, now: datetime) -> str:
    link = secrets.token_urlsafe(32)
    await insert_link(connection, link_hash=hash_secret(link), kind=kind, now=now, expires_at=now + LIFETIME)
    return f"{public_url}{PATHS[kind]}?link={link}"
