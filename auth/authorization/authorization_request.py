"""An authorization request (RFC 6749, section 4.1.1; RFC 7636).

It is validated before any part of it is shown to a person, and before any redirect.
"""

from dataclasses import dataclass

from auth.clients.client import Client
from auth.clients.documents import UnusableDocumentError, is_document_url
from auth.clients.lookup import find_requesting_client
from auth.clients.redirects import describe_host, goes_to_local_app
from auth.page_refusals import TitledFailure
from auth.parameters import Parameters
from auth.principal import GRANTABLE
from auth.resources import find_resource
from auth.rfc import (
    InvalidRequestError,
    InvalidScopeError,
    InvalidTargetError,
    OAuth2Error,
    UnsupportedResponseTypeError,
    add_query,
    is_code_challenge,
)
from auth.server import AuthorizationServer
from auth.texts import say
from server.errors import Failure

MAX_STATE = 2000


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid request, which may be shown to a person."""

    client: Client
    redirect_uri: str
    state: str | None
    scopes: tuple[str, ...]
    resource: str
    code_challenge: str
    asks_again: bool

    @property
    def redirect_host(self) -> str:
        """The host, or the app's scheme, that the answer goes to; for the person to see."""
        return describe_host(self.redirect_uri)

    @property
    def is_vouched_for(self) -> bool:
        """Whether a domain vouches for the client, and the answer goes to a web server and not to a local program."""
        is_described = self.client.kind == "document" and self.client.is_verified
        return is_described and not goes_to_local_app(self.redirect_uri)


class RedirectedError(Exception):
    """A refusal that is sent to the client, by a redirect to a URI that the client registered."""

    def __init__(self, error: OAuth2Error, redirect_uri: str, state: str | None) -> None:
        super().__init__(error.error)
        self.error = error
        self.redirect_uri = redirect_uri
        self.state = state

    def build_location(self, issuer: str) -> str:
        """Return the URL to send the browser to (RFC 6749, section 4.1.2.1)."""
        pairs = [("error", str(self.error.error)), ("error_description", str(self.error.description))]
        return build_response_location(self.redirect_uri, pairs, self.state, issuer)


def build_response_location(redirect_uri: str, pairs: list[tuple[str, str]], state: str | None, issuer: str) -> str:
    """Return the redirect URI with the answer in its query; `iss` names the server that answers (RFC 9207)."""
    if state is not None:
        pairs = [*pairs, ("state", state)]
    return add_query(redirect_uri, [*pairs, ("iss", issuer)])


async def validate_authorization_request(
    auth: AuthorizationServer, parameters: Parameters, address: str
) -> AuthorizationRequest:
    """Return the request that the parameters make.

    Raises:
        Failure: the client or its redirect URI is not known, so there must be no redirect; for the person to see.
        RedirectedError: anything else is wrong.
    """
    try:
        client = await _find_client(auth, parameters, address)
        redirect_uri = client.choose_redirect_uri(parameters.get("redirect_uri"))
    except OAuth2Error as error:
        raise Failure("malformed", str(error.description)) from None
    if redirect_uri is None:
        raise TitledFailure(
            "malformed",
            say("Stopped to protect your login"),
            say(
                "%(app)s asked to be answered at an address that it did not register. This can be an attempt to steal "
                "your login, so it stops here. If you trust the app, remove its connection to Loci and add it again.",
                app=client.name,
            ),
        )
    states = parameters.get_all("state")
    state = states[0] if len(states) == 1 else None
    try:
        return _validate_parameters(auth, parameters, client, redirect_uri, state)
    except OAuth2Error as error:
        raise RedirectedError(error, redirect_uri, state) from None


async def _find_client(auth: AuthorizationServer, parameters: Parameters, address: str) -> Client:
    client_id = parameters.get("client_id")
    if client_id is None:
        message = say("The app did not name itself: client_id is missing. Start again from the app.")
        raise TitledFailure("malformed", say("The app's request is incomplete"), message)
    try:
        redirect_uri, may_fetch = parameters.get("redirect_uri"), _is_well_shaped(parameters)
        client = await find_requesting_client(auth, client_id, redirect_uri, address, may_fetch=may_fetch)
    except UnusableDocumentError as error:
        message = say(
            "The app's description at %(address)s cannot be used. %(reason)s", address=client_id, reason=str(error)
        )
        raise TitledFailure("malformed", say("This app cannot be connected"), message) from None
    if client is None and is_document_url(client_id):
        message = say("A part of the request is missing. Start again from the app.")
        raise TitledFailure("malformed", say("The app's request is incomplete"), message)
    if client is None:
        raise TitledFailure(
            "malformed",
            say("Unknown app"),
            say(
                "This server does not know the app that sent you. It may have been set up anew, or the app has not "
                "been used for a long time. Remove the connection to Loci in the app and add it again."
            ),
        )
    return client


def _is_well_shaped(parameters: Parameters) -> bool:
    """Whether the request may turn out valid, so that the client's document is worth fetching."""
    return (
        parameters.get("response_type") == "code"
        and parameters.get("redirect_uri") is not None
        and parameters.get("code_challenge_method") == "S256"
        and is_code_challenge(parameters.get("code_challenge") or "")
    )


def _validate_parameters(
    auth: AuthorizationServer, parameters: Parameters, client: Client, redirect_uri: str, state: str | None
) -> AuthorizationRequest:
    parameters.to_dict()
    if parameters.get("response_type") != "code":
        raise UnsupportedResponseTypeError(None, "response_type must be code.")
    if parameters.get("response_mode") not in {None, "query"}:
        raise InvalidRequestError("response_mode must be query.")
    if state is not None and len(state) > MAX_STATE:
        raise InvalidRequestError(f"state is longer than {MAX_STATE} characters.")
    challenge = parameters.get("code_challenge")
    if challenge is None or parameters.get("code_challenge_method") != "S256" or not is_code_challenge(challenge):
        raise InvalidRequestError("PKCE is required: send code_challenge, with code_challenge_method S256 (RFC 7636).")
    resource = find_resource(parameters.get_all("resource"), auth.settings.public_url)
    if resource is None:
        raise InvalidTargetError("The resource is not one of this server.")
    prompts = (parameters.get("prompt") or "").split()
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        state=state,
        scopes=_choose_scopes(parameters.get("scope")),
        resource=resource,
        code_challenge=challenge,
        asks_again=bool({"consent", "login", "select_account"} & set(prompts)),
    )


def _choose_scopes(requested: str | None) -> tuple[str, ...]:
    """Return the requested scopes that OAuth may grant; all of those if the request names none."""
    if requested is None:
        return GRANTABLE
    scopes = tuple(scope for scope in GRANTABLE if scope in requested.split())
    if not scopes:
        raise InvalidScopeError(f"Ask for {' or '.join(GRANTABLE)}.")
    return scopes
