"""The consents that are remembered, so that nobody is asked about the same request twice.

They are kept for clients that a domain vouches for, and for no others.
"""

from auth.authorization.authorization_request import AuthorizationRequest
from auth.server import AuthorizationServer
from server.store.record.oauth.consents import find_consent, remember_consent
from server.store.record.people.accounts import User


async def find_remembered_scopes(
    auth: AuthorizationServer, user: User, oauth_request: AuthorizationRequest
) -> str | None:
    """Return the scopes that the person granted to the same request before; None if the person must be asked."""
    if not oauth_request.is_vouched_for or oauth_request.asks_again:
        return None
    async with auth.db.read() as connection:
        return await find_consent(
            connection,
            user_id=user.id,
            client_id=oauth_request.client.id,
            redirect_host=oauth_request.redirect_host,
            asked=" ".join(oauth_request.scopes),
        )


async def remember_scopes(
    auth: AuthorizationServer, user: User, oauth_request: AuthorizationRequest, scopes: str
) -> None:
    """Remember the consent, but only to a client that a domain vouches for."""
    if not oauth_request.is_vouched_for:
        return
    async with auth.db.write() as connection:
        await remember_consent(
            connection,
            user_id=user.id,
            client_id=oauth_request.client.id,
            redirect_host=oauth_request.redirect_host,
            asked=" ".join(oauth_request.scopes),
            granted=scopes,
            now=auth.now(),
        )
