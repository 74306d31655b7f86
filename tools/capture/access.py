"""Which workspaces a caller may use. A row of another one is answered as if it were not there."""

from auth.principal import Principal
from server.errors import Failure
from server.store.record import workspaces
from server.store.record.workspaces import Workspace
from tools.core.services import Services


async def list_own_workspaces(services: Services, principal: Principal) -> dict[str, Workspace]:
    """Return the workspaces of the caller's account that the credential may use, by their ids."""
    async with services.db.read() as connection:
        found = await workspaces.list_workspaces(connection, principal.account_id)
    return {each.id: each for each in found if principal.workspace_id in {None, each.id}}


def make_not_found(noun: str, its_id: str, field: str = "id") -> Failure:
    """Return the refusal of an id: the same for one that is unknown and for one that is another account's."""
    return Failure("not_found", f"{noun} not found: {its_id}.", field=field)
