"""The people whom refused bearers belong to: of a key that has ended, or a token whose grant has."""

from starlette.requests import HTTPConnection

from auth.acts import Holder
from auth.bearers.api_keys import looks_like_api_key
from auth.hashing import hash_secret
from auth.principal import Principal
from auth.resources import MCP_PATH, RECALL_PATH
from auth.server import AuthorizationServer
from server.store.record.oauth import grants
from server.store.record.people import api_keys


async def note_refused_bearer(request: HTTPConnection, bearer: str, principal: Principal | None) -> None:
    """Note a bearer that was refused in the audit of its person, if it is known whose it is or was.

    `principal` is that of a bearer that is valid, and meant for another resource.
    """
    auth: AuthorizationServer = request.state.auth
    if auth.acts.wants_refusals and (who := principal or await _find_holder(auth, bearer)) is not None:
        door = "mcp" if request.url.path.startswith((MCP_PATH, RECALL_PATH)) else "rest"
        await auth.acts.note(request, "use_bearer", who, outcome="unauthorized", door=door)


async def _find_holder(auth: AuthorizationServer, bearer: str) -> Holder | None:
    if looks_like_api_key(bearer):
        async with auth.db.read() as connection:
            key = await api_keys.find_holder(connection, hash_secret(bearer))
        return None if key is None else Holder(key[1], key[2], key[0], via="api_key")
    claims = None if auth.external is not None else await auth.tokens.read_claims(bearer)
    if claims is None:
        return None
    async with auth.db.read() as connection:
        person = await grants.find_holder(connection, claims["gid"])
    return None if person is None else Holder(*person, claims["gid"], client_id=claims["client_id"])
