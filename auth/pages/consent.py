"""The consent page: a person sees which app asks for access, where the answer goes, and chooses the scopes."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth.authorization.authorization_request import AuthorizationRequest
from auth.clients.redirects import describe_host, goes_to_local_app
from auth.pages.browser import Browser
from auth.pages.page import render_page
from auth.parameters import Parameters
from auth.principal import READ, WRITE
from auth.texts import say

#: For each scope: its title and its explanation on the page.
SCOPE_WORDS = {
    READ: (say("Read your memories"), say("Search and recall everything in your workspaces.")),
    WRITE: (
        say("Change your memories"),
        say("Store new memories, and change or delete old ones. Includes reading."),
    ),
}


def render_consent_page(
    request: Request,
    browser: Browser,
    oauth_request: AuthorizationRequest,
    parameters: Parameters,
    error: str | None = None,
) -> Response:
    """Return the consent page for an authorization request.

    Args:
        request: the HTTP request to answer.
        browser: the browser of the person who is logged in.
        oauth_request: the authorization request, already validated.
        parameters: the parameters it came with; the form sends them back, and they are validated again.
        error: the reason why the last decision could not be taken, if there was one.
    """
    client = oauth_request.client
    is_described = client.kind == "document" and client.is_verified
    return render_page(
        request,
        browser,
        "consent.html",
        status=200 if error is None else 400,
        client=client,
        client_host=describe_host(client.id) if is_described else None,
        redirect_host=oauth_request.redirect_host,
        is_local_app=goes_to_local_app(oauth_request.redirect_uri),
        scopes=[(scope, *SCOPE_WORDS[scope]) for scope in oauth_request.scopes],
        chosen=() if error else oauth_request.scopes,
        parameters=urlencode(parameters.pairs),
        error=error,
    )
