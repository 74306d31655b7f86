"""API keys: their form, and the ways to issue, replace and verify one. Only their SHA-256 is stored."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.hashing import hash_secret
from auth.principal import Principal, expand_scopes
from server.ids import UserId, new_id
from server.store.db import Database
from server.store.record.people.api_keys import KeyRow, find_key, insert_key, put_in_place, retire_key

PREFIXES = ("mp_live_", "mp_test_")
_KEY = re.compile(r"mp_(live|test)_[0-9a-f]{32}")
PREFIX_LENGTH = 12


def looks_like_api_key(bearer: str) -> bool:
    """Whether a bearer claims to be an API key."""
    return bearer.startswith(PREFIXES)


async def issue_key(
    connection: AsyncConnection,
    *,
    user_id: UserId,
    scopes: Iterable[str],
    name: str,
    now: datetime,
    workspace_id: str | None = None,
    expires_at: datetime | None = None,
    grant_id: str | None = None,
    made_by: str | None = None,
    is_test: bool = False,
    requests_per_minute: int | None = None,
) -> tuple[str, KeyRow]:
    """Make a key, and return its secret and its row. The secret is stored nowhere.

    `made_by` is the id of the key, or of the chain of an app, that makes it; the new key ends when somebody ends that.

    With `is_test` the secret begins with `mp_test_`; nothing else is different.
    """
    secret = f"{PREFIXES[is_test]}{secrets.token_hex(16)}"
    row = KeyRow(
        id=new_id(now),
        user_id=user_id,
        prefix=secret[:PREFIX_LENGTH],
        name=name,
        scopes=" ".join(scopes),
        workspace_id=workspace_id,
        grant_id=grant_id,
        created_at=now,
        expires_at=expires_at,
        last_used_at=None,
        revoked_at=None,
        requests_per_minute=requests_per_minute,
    )
    await insert_key(connection, row, hash_secret(secret), made_by=made_by)
    return secret, row


async def replace_key(
    connection: AsyncConnection, user_id: UserId, key_id: str, now: datetime
) -> tuple[str, KeyRow] | None:
    """End a key of this user and make a new one with the same name, scopes, workspace and expiry.

    Return the new secret and its row; None if the key had ended already. If several callers replace one key at once,
    one of them succeeds.
    """
    old = await retire_key(connection, user_id, key_id, now)
    if old is None:
        return None
    secret, row = await issue_key(
        connection,
        user_id=user_id,
        scopes=old.scopes.split(),
        name=old.name,
        now=now,
        workspace_id=old.workspace_id,
        expires_at=old.expires_at,
        grant_id=old.grant_id,
        is_test=old.prefix.startswith(PREFIXES[True]),
        requests_per_minute=old.requests_per_minute,
    )
    await put_in_place(connection, old.id, row.id)
    return secret, replace(row, workspace=old.workspace)


async def verify_api_key(db: Database, bearer: str, now: datetime) -> Principal | None:
    """Return the principal of a key; None if the key is malformed, unknown, revoked or expired."""
    if not _KEY.fullmatch(bearer):
        return None
    async with db.read() as connection:
        found = await find_key(connection, hash_secret(bearer), now)
    if found is None:
        return None
    key, account_id = found
    return Principal(
        user_id=key.user_id,
        account_id=account_id,
        scopes=expand_scopes(key.scopes.split()),
        via="api_key",
        credential_id=key.id,
        grant_id=key.grant_id,
        workspace_id=key.workspace_id,
        expires_at=key.expires_at,
        requests_per_minute=key.requests_per_minute,
    )
