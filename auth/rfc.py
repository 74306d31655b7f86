"""The parts of authlib that Loci uses, with types. docs/decisions/0003-authlib.md says why Loci does not use the rest.

authlib is untyped, so nothing else in `auth` imports it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast
from urllib.parse import urlencode

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    ClientAuthentication,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc7591 import ClientMetadataClaims, InvalidClientMetadataError
from authlib.oauth2.rfc7591.errors import InvalidRedirectURIError
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc7636.challenge import CODE_CHALLENGE_PATTERN, CODE_VERIFIER_PATTERN
from authlib.oidc.core.claims import CodeIDToken
from joserfc.errors import ClaimError, JoseError

__all__ = [
    "AccessDeniedError",
    "InvalidClientError",
    "InvalidClientMetadataError",
    "InvalidGrantError",
    "InvalidRedirectURIError",
    "InvalidRequestError",
    "InvalidScopeError",
    "InvalidTargetError",
    "OAuth2Error",
    "UnauthorizedClientError",
    "UnsupportedGrantTypeError",
    "UnsupportedResponseTypeError",
    "add_query",
    "authenticate_client",
    "check_id_token_claims",
    "is_code_challenge",
    "is_code_verifier",
    "make_code_challenge",
    "read_basic_client_id",
    "validate_standard_fields",
]

AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")


class InvalidTargetError(OAuth2Error):
    """The requested resource is not one of ours (RFC 8707, section 2)."""

    error = "invalid_target"


class UnsupportedGrantTypeError(OAuth2Error):
    """The grant type is not supported (RFC 6749, section 5.2). authlib's own error would echo the request's value."""

    error = "unsupported_grant_type"


class AuthenticatedClient(Protocol):
    """The methods that authlib calls on a client that authenticates."""

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the client's secret."""
        ...

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether the client may authenticate in this way."""
        ...


class _FormRequest(OAuth2Request):
    """A form post, in the form that authlib's client authentication reads."""

    def __init__(self, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
        # The URL is a constant, because authlib refuses http. Behind a TLS proxy this server sees http, even if the
        # client's connection is https.
        super().__init__("POST", "https://localhost/", headers={"Authorization": headers.get("authorization", "")})
        self._form = dict(form)
        self.payload = BasicOAuth2Payload(self._form)

    @property
    def form(self) -> dict[str, str]:
        return self._form


def authenticate_client(
    client: AuthenticatedClient | None, form: Mapping[str, str], headers: Mapping[str, str]
) -> None:
    """Check that the client sent the request (RFC 6749, section 2.3).

    Raises:
        OAuth2Error: `invalid_client`, always with status 401, because that makes clients register again.
    """

    def find_client(_client_id: str) -> AuthenticatedClient | None:
        return client

    try:
        ClientAuthentication(cast("Any", find_client)).authenticate(_FormRequest(form, headers), AUTH_METHODS, "token")
    except (InvalidClientError, ValueError):
        raise InvalidClientError("The client is unknown or did not authenticate.", status_code=401) from None


def read_basic_client_id(headers: Mapping[str, str]) -> str | None:
    """Return the client id in a Basic authorization header; None if there is none."""
    try:
        return extract_basic_authorization({"Authorization": headers.get("authorization", "")})[0]
    except ValueError:  # it is not two words, or not UTF-8
        return None


_TEXTS = ("client_uri", "jwks_uri", "logo_uri", "policy_uri", "scope", "software_id", "software_version", "tos_uri")


def validate_standard_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are client metadata of RFC 7591, after authlib has checked them.

    Raises:
        OAuth2Error: `invalid_client_metadata`; the description names the field.
    """
    for name in _TEXTS:  # authlib takes them to be strings
        if not isinstance(values.get(name) or "", str):
            raise InvalidClientMetadataError(f"{name} must be a string.")
    if not isinstance(values.get("jwks") or {}, dict):
        raise InvalidClientMetadataError("jwks must be an object.")
    claims = ClientMetadataClaims({key: value for key, value in values.items() if value not in (None, "")}, {})
    try:
        claims.validate()
    except (JoseError, TypeError, ValueError, AttributeError) as error:
        field = error.claim if isinstance(error, ClaimError) else "A field of the client metadata"
        raise InvalidClientMetadataError(f"{field} is malformed. Leave it out, or send it as RFC 7591 says.") from None
    return claims.get_registered_claims()


def make_code_challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return create_s256_code_challenge(verifier)


def is_code_challenge(text: str) -> bool:
    """Whether the text is a well-formed S256 challenge."""
    return CODE_CHALLENGE_PATTERN.fullmatch(text) is not None


def is_code_verifier(text: str) -> bool:
    """Whether the text is a well-formed verifier."""
    return CODE_VERIFIER_PATTERN.fullmatch(text) is not None


def add_query(uri: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return the URI with parameters added to its query, which itself stays as it is (RFC 6749, section 3.1.2)."""
    separator = "" if uri.endswith(("?", "&")) else "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(list(parameters))}"


def check_id_token_claims(
    claims: Mapping[str, Any],
    header: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str,
    at: int,
    leeway: int,
) -> str | None:
    """Return the name of a claim of an ID token that is missing or wrong; None if all are right.

    Those are `iss`, `aud`, `azp`, `nonce`, the times and `at_hash` (OpenID Connect Core, sections 2 and 3.1.3.7).
    """
    options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    parameters = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    token = CodeIDToken(dict(claims), dict(header), options, parameters)
    try:
        token.validate(at, leeway)
    except JoseError as error:
        return str(getattr(error, "claim", None) or error.error)
    except (TypeError, ValueError, AttributeError, KeyError):
        return "aud"
    return None
