"""The grant types of the token endpoint, in one table: to add one, write a module with its handler, and add a row.

The token endpoint, the check of client metadata and the metadata of the server all read this table.
"""

from collections.abc import Awaitable, Callable

from auth.clients.client import Client
from auth.grants.authorization_code import redeem_code
from auth.grants.jwt_bearer import exchange_assertion
from auth.grants.outcome import GrantRefusal, IssuedTokens
from auth.grants.refresh_token import refresh_tokens
from auth.issuers.assertions import GRANT_TYPE
from auth.parameters import Parameters
from auth.server import AuthorizationServer

#: Answers a form of the token endpoint, sent by a client that has authenticated and registered for this grant type. The
#: text is the address that the form came from.
GrantHandler = Callable[[AuthorizationServer, Client, Parameters, str], Awaitable[IssuedTokens | GrantRefusal]]

#: `grant_type`, as clients send and register it → its handler.
GRANTS: dict[str, GrantHandler] = {
    "authorization_code": redeem_code,
    "refresh_token": refresh_tokens,
    GRANT_TYPE: exchange_assertion,
}
