"""The grant `jwt-bearer`: an identity assertion for an access token (RFC 7523; Enterprise-Managed Authorization).

There is no consent, because the company's provider has decided already, and no refresh token, because the client asks
the provider again: so a person who leaves the company loses access within minutes.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.clients.client import Client
from auth.grants.chains import start_chain
from auth.grants.outcome import GrantRefusal, IssuedTokens
from auth.issuers.assertions import Assertion
from auth.issuers.claims import RefusedTokenError
from auth.parameters import Parameters
from auth.principal import GRANTABLE
from auth.resources import find_resource
from auth.rfc import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    InvalidTargetError,
    OAuth2Error,
    UnsupportedGrantTypeError,
)
from auth.server import AuthorizationServer
from server.ids import new_id
from server.store.record.oauth.clients import touch_client
from server.store.record.oauth.grants import CodeUsed, Grant, insert_grant


async def exchange_assertion(
    auth: AuthorizationServer, client: Client, form: Parameters, address: str
) -> IssuedTokens | GrantRefusal:
    """Use an assertion up, and return an access token of a new grant.

    Raises:
        OAuth2Error: `invalid_request` if the assertion is missing; `invalid_grant` if it cannot be verified.
        Failure: `unavailable`, the provider's keys cannot be fetched.
    """
    text = form.get("assertion")
    if text is None:
        raise InvalidRequestError("Send assertion (RFC 7523).")
    if auth.assertions is None:
        raise UnsupportedGrantTypeError(
            "This server trusts no provider of assertions. Its operator sets LOCI_ENTERPRISE_ISSUER."
        )
    try:
        assertion = await auth.assertions.verify(text, client.id)
    except RefusedTokenError as refused:
        raise InvalidGrantError(f"This assertion {refused}.") from None
    if assertion.is_disabled:
        error = InvalidGrantError("This assertion belongs to a user who was disabled.")
        return GrantRefusal(error, user_id=assertion.user_id)
    try:
        resource = _choose_resource(auth, assertion, form)
        scopes = _choose_scopes(assertion, form)
    except OAuth2Error as refused:
        return GrantRefusal(refused, user_id=assertion.user_id)
    try:
        async with auth.db.write() as connection:
            return await _make_grant(auth, connection, client, assertion, resource, scopes, address)
    except CodeUsed:
        return GrantRefusal(InvalidGrantError("This assertion was used before (`jti`)."), user_id=assertion.user_id)


async def _make_grant(
    auth: AuthorizationServer,
    connection: AsyncConnection,
    client: Client,
    assertion: Assertion,
    resource: str,
    scopes: str,
    address: str,
) -> IssuedTokens:
    """Store a grant that lasts as long as its one access token, and return it.

    The use of the assertion is stored with it, so it must not end before the assertion does.

    Raises:
        CodeUsed: the assertion was used before.
    """
    now = auth.now()
    grant = Grant(
        id=new_id(now),
        user_id=assertion.user_id,
        client_id=client.id,
        client_name=client.name,
        scopes=scopes,
        resource=resource,
        code_hash=assertion.use_hash,
        created_at=now,
        last_used_at=now,
        expires_at=max(now + auth.tokens.lifetime, assertion.expires_at),
    )
    await insert_grant(connection, grant)
    await touch_client(connection, client.id, now)
    chain = await start_chain(auth, connection, grant, address)
    return IssuedTokens(grant, chain.id, grant.scopes, None)


def _choose_resource(auth: AuthorizationServer, assertion: Assertion, form: Parameters) -> str:
    """Return the resource of the token: the assertion's, or the form's if the assertion names none."""
    requested = form.get_all("resource")
    resource = find_resource(assertion.resources or requested, auth.settings.public_url)
    if resource is None and assertion.resources:
        raise InvalidGrantError("This assertion is for another resource (`resource`).")
    if resource is None or (requested and find_resource(requested, auth.settings.public_url) != resource):
        raise InvalidTargetError("The resource is not the one of the assertion.")
    return resource


def _choose_scopes(assertion: Assertion, form: Parameters) -> str:
    """Return the scopes that both the assertion and the form name. One that names none leaves them to the other."""
    if assertion.scopes is not None and not assertion.scopes & set(GRANTABLE):
        raise InvalidGrantError(f"This assertion names none of {' '.join(GRANTABLE)} (`scope`).")
    requested = (form.get("scope") or "").split() or GRANTABLE
    scopes = [
        each for each in GRANTABLE if each in requested and (assertion.scopes is None or each in assertion.scopes)
    ]
    if not scopes:
        raise InvalidScopeError("The assertion grants none of these scopes.")
    return " ".join(scopes)
