"""Authorization codes (RFC 6749, section 4.1.2): the single-use secrets that an app exchanges for tokens."""

import secrets
from datetime import timedelta

from auth.authorization.authorization_request import AuthorizationRequest, build_response_location
from auth.hashing import hash_secret
from auth.server import AuthorizationServer
from server.store.record.oauth.clients import touch_client
from server.store.record.oauth.codes import Code, insert_code
from server.store.record.people.accounts import User

CODE_LIFETIME = timedelta(seconds=60)


async def issue_code(auth: AuthorizationServer, user: User, oauth_request: AuthorizationRequest, scopes: str) -> str:
    """Make an authorization code, and return the URL that brings it to the app."""
    text, now = secrets.token_urlsafe(32), auth.now()
    code = Code(
        code_hash=hash_secret(text),
        user_id=user.id,
        client_id=oauth_request.client.id,
        client_name=oauth_request.client.name,
        redirect_uri=oauth_request.redirect_uri,
        scopes=scopes,
        resource=oauth_request.resource,
        code_challenge=oauth_request.code_challenge,
        expires_at=now + CODE_LIFETIME,
    )
    async with auth.db.write() as connection:
        await insert_code(connection, code)
        await touch_client(connection, oauth_request.client.id, now)
    return build_response_location(oauth_request.redirect_uri, [("code", text)], oauth_request.state, auth.issuer)
