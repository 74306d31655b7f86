"""OAuth clients: one type, whether a client registered itself or is known by its metadata document."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from auth.hashing import digest
from auth.redirects import goes_to_local_app, host_named_by, is_registrable, matches
from auth.rfc import AUTH_METHODS, InvalidClientMetadataError, InvalidRedirectURIError, client_metadata
from server.store.record.oauth.clients import ClientRow

MAX_REDIRECT_URIS = 20
MAX_NAME = 200
GRANT_TYPES = ("authorization_code", "refresh_token")


@dataclass(frozen=True, slots=True)
class Client:
    """An application that asks for access. Its name is what it says of itself, and nothing more.

    `kind` is `document` where the id is the https URL of its metadata, so that a domain vouches for it; unless it
    is not verified, which is where that URL could not be reached.
    """

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    auth_method: str
    secret_hash: str | None
    kind: Literal["registered", "document"]
    is_verified: bool = True

    def redirect_uri(self, requested: str | None) -> str | None:
        """Where to redirect: what was requested if it is registered, or the only one there is; else None."""
        if requested is not None:
            return requested if any(matches(registered, requested) for registered in self.redirect_uris) else None
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the client's secret; in constant time. authlib asks this."""
        return self.secret_hash is not None and hmac.compare_digest(self.secret_hash, digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - authlib's signature
        """Whether the client may authenticate in this way. One with a secret may send it in the header or the body."""
        return (method == "none") == (self.auth_method == "none")


def from_row(row: ClientRow) -> Client:
    """A client that registered itself."""
    return Client(
        id=row.id,
        name=row.name,
        redirect_uris=tuple(row.redirect_uris),
        grant_types=tuple(row.grant_types),
        auth_method=row.auth_method,
        secret_hash=row.secret_hash,
        kind="registered",
    )


def from_document(url: str, document: Mapping[str, Any]) -> Client:
    """A client that is known by its document (Client ID Metadata Documents).

    Raises:
        OAuth2Error: `invalid_client_metadata` or `invalid_redirect_uri`.
    """
    if document.get("client_id") != url:
        raise InvalidClientMetadataError("The client_id in the document is not the address of the document.")
    if "client_secret" in document or document.get("token_endpoint_auth_method", "none") != "none":
        raise InvalidClientMetadataError("A client with a document must use token_endpoint_auth_method none.")
    metadata = checked_metadata(document)
    return Client(
        id=url,
        name=metadata["client_name"],
        redirect_uris=tuple(metadata["redirect_uris"]),
        grant_types=tuple(metadata["grant_types"]),
        auth_method="none",
        secret_hash=None,
        kind="document",
    )


def unverified(url: str, *redirect_uris: str) -> Client:
    """A client whose document could not be fetched: named after its host, and no more than one that registered."""
    return Client(
        id=url,
        name=host_named_by(url),
        redirect_uris=redirect_uris,
        grant_types=GRANT_TYPES,
        auth_method="none",
        secret_hash=None,
        kind="document",
        is_verified=False,
    )


def checked_metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    """Client metadata with its defaults filled in, whoever sent it (RFC 7591, section 2).

    Raises:
        OAuth2Error: `invalid_client_metadata` or `invalid_redirect_uri`; the description says what to send instead.
    """
    redirect_uris = _redirect_uris(values.get("redirect_uris"))
    metadata = client_metadata(values)
    name = values.get("client_name") or "An app without a name"
    if not isinstance(name, str) or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidClientMetadataError(f"client_name must be at most {MAX_NAME} printable characters.")
    grant_types = _texts(values.get("grant_types"), "grant_types") or list(GRANT_TYPES)
    if "authorization_code" not in grant_types:
        raise InvalidClientMetadataError("grant_types must contain authorization_code.")
    response_types = _texts(values.get("response_types"), "response_types") or ["code"]
    if "code" not in response_types:
        raise InvalidClientMetadataError("response_types must contain code.")
    return metadata | {
        "client_name": name,
        "redirect_uris": redirect_uris,
        "grant_types": [grant for grant in GRANT_TYPES if grant in grant_types],
        "response_types": ["code"],
        "token_endpoint_auth_method": _auth_method(values, redirect_uris),
    }


def _redirect_uris(value: object) -> list[str]:
    uris = _texts(value, "redirect_uris")
    if not 1 <= len(uris) <= MAX_REDIRECT_URIS:
        raise InvalidRedirectURIError(f"redirect_uris must hold 1 to {MAX_REDIRECT_URIS} URIs.")
    if not all(is_registrable(uri) for uri in uris):
        raise InvalidRedirectURIError(
            "A redirect URI must be https, http on a loopback host, or the scheme of a known app; without a fragment."
        )
    return uris


def _texts(value: object, field: str) -> list[str]:
    items = cast("list[Any]", [] if value is None else value if isinstance(value, list) else [None])
    if not all(isinstance(item, str) for item in items):
        raise InvalidClientMetadataError(f"{field} must be an array of strings.")
    return items


def _auth_method(values: Mapping[str, Any], redirect_uris: list[str]) -> str:
    """How the client authenticates.

    Where it does not say, RFC 7591's default is meant for web servers; an app on a person's machine keeps no secret.
    """
    method = values.get("token_endpoint_auth_method")
    if method in (None, ""):
        is_native = values.get("application_type") == "native" or any(goes_to_local_app(uri) for uri in redirect_uris)
        return "none" if is_native else "client_secret_basic"
    if method not in AUTH_METHODS:
        raise InvalidClientMetadataError(f"token_endpoint_auth_method must be one of {', '.join(AUTH_METHODS)}.")
    return method
