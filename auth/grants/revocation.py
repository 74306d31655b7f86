"""The end of a grant. It ends at once, in this process and in the others."""

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.server import AuthorizationServer
from server.ids import UserId
from server.store.epoch import raise_epoch
from server.store.record.oauth.grants import revoke_grant
from server.store.record.people.api_keys import revoke_keys_of_grant

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def end_grant(
    auth: AuthorizationServer, connection: AsyncConnection, grant_id: str, *, user_id: UserId | None = None
) -> bool:
    """Revoke a grant and the API keys made through it. Return False if it had ended already.

    With `user_id`, only a grant of that user is revoked. The caller calls `auth.on_revoked` after its transaction.
    """
    now = auth.now()
    if not await revoke_grant(connection, grant_id, now, user_id=user_id):
        return False
    await revoke_keys_of_grant(connection, grant_id, now)
    await raise_epoch(connection)
    log.info("grant.revoked", grant=grant_id)
    return True
