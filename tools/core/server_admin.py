"""Operations on the whole server, and not on one account: only its administrators may call them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.principal import Principal
from server.errors import Failure
from server.store.record.people import accounts


async def check_server_admin(connection: AsyncConnection, principal: Principal, refusal: str) -> None:
    """Return if the caller is an administrator of the server, with a key that is not bound to a workspace.

    Raises:
        Failure: `forbidden`, with the sentence `refusal`.
    """
    user = await accounts.get_user(connection, principal.user_id)
    if user is None or not user.is_admin or principal.workspace_id is not None:
        raise Failure("forbidden", refusal)
