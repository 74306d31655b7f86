"""Access tokens for people on a site."""

import hashlib
from datetime import timedelta

from server.ids import new_id
from server.store.record.oauth.grants import Grant, insert_grant


async def access_token(site, person, *, resource="/mcp", scopes="memory:read memory:write", **other):
    """An access token of a grant that this person gave; `other` changes the grant."""
    now = site.services.now()
    grant_id = new_id(now)
    values = {
        "id": grant_id,
        "user_id": person.user_id,
        "client_id": "client",
        "client_name": "Client",
        "scopes": scopes,
        "resource": f"{site.url}{resource}",
        "code_hash": hashlib.sha256(grant_id.encode()).hexdigest(),
        "created_at": now,
        "last_used_at": now,
        "expires_at": now + timedelta(days=90),
    }
    grant = Grant(**(values | other))
    async with site.services.db.write() as connection:
        await insert_grant(connection, grant)
    return await site.running.auth.tokens.sign(grant, scopes)
