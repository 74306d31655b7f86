"""Access tokens for people on a site."""

import hashlib
from datetime import timedelta

from auth.grants.chains import start_chain
from server.ids import new_id
from server.store.record.oauth.grants import Grant, insert_grant


async def make_access_token(site, person, *, resource="/mcp", scopes="memory:read memory:write", **other):
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
        chain = await start_chain(site.running.auth, connection, grant, "127.0.0.1")
    return await site.running.auth.tokens.sign(grant, chain.id, scopes)
