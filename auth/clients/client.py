"""OAuth clients: one type, whether a client registered itself or is known by its metadata document."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from auth.clients.redirects import describe_host, goes_to_local_app, is_registrable, is_same_except_loopback_port
from auth.hashing import hash_secret
from auth.rfc import AUTH_METHODS, InvalidClientMetadataError, InvalidRedirectURIError, validate_standard_fields
from server.names import find_name_fault
from server.store.record.oauth.clients import ClientRow

MAX_REDIRECT_URIS = 20
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Client:
    """An application that asks for access. Its name is its own claim; nobody checked it.

    `kind` is `document` if the id is the https URL of its metadata document, so that a domain vouches for it.
    `is_verified` is False if that URL could not be reached: then nobody vouches for it.
    """

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    auth_method: str
    secret_hash: str | None
    kind: Literal["registered", "document"]
    is_verified: bool = True

    def choose_redirect_uri(self, requested: str | None) -> str | None:
        """Return the URI to redirect to, or None if the request must not be redirected at all.

        That is the requested URI if the client registered it, or the only registered one if none is requested.
        """
        if requested is None:
            return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None
        is_registered = any(is_same_except_loopback_port(uri, requested) for uri in self.redirect_uris)
        return requested if is_registered else None

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the client's secret, compared in constant time. authlib calls this."""
        return self.secret_hash is not None and hmac.compare_digest(self.secret_hash, hash_secret(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - authlib's signature
        """Whether the client may authenticate in this way. A secret may come in the header or in the body."""
        return (method == "none") == (self.auth_method == "none")


def client_from_row(row: ClientRow) -> Client:
    """Return a client that registered itself."""
    return Client(
        id=row.id,
        name=row.name,
        redirect_uris=tuple(row.redirect_uris),
        grant_types=tuple(row.grant_types),
        auth_method=row.auth_method,
        secret_hash=row.secret_hash,
        kind="registered",
    )


def client_from_document(url: str, document: Mapping[str, Any], grant_types: Sequence[str]) -> Client:
    """Return the client that a document describes (Client ID Metadata Documents).

    Raises:
        OAuth2Error: `invalid_client_metadata` or `invalid_redirect_uri`.
    """
    if document.get("client_id") != url:
        raise InvalidClientMetadataError("The client_id in the document is not the address of the document.")
    if "client_secret" in document or document.get("token_endpoint_auth_method", "none") != "none":
        raise InvalidClientMetadataError("A client with a document must use token_endpoint_auth_method none.")
    metadata = validate_metadata(document, grant_types)
    return Client(
        id=url,
        name=metadata["client_name"],
        redirect_uris=tuple(metadata["redirect_uris"]),
        grant_types=tuple(metadata["grant_types"]),
        auth_method="none",
        secret_hash=None,
        kind="document",
    )


def make_unverified_client(url: str, redirect_uris: Sequence[str], grant_types: Sequence[str]) -> Client:
    """Return a client whose document could not be fetched. Its name is its host, and nobody vouches for it."""
    return Client(
        id=url,
        name=describe_host(url),
        redirect_uris=tuple(redirect_uris),
        grant_types=tuple(grant_types),
        auth_method="none",
        secret_hash=None,
        kind="document",
        is_verified=False,
    )


def validate_metadata(values: Mapping[str, Any], grant_types: Sequence[str]) -> dict[str, Any]:
    """Return client metadata with its defaults filled in, registered or from a document (RFC 7591, section 2).

    Args:
        values: the metadata as it was sent.
        grant_types: the grant types of this server; a client that names none gets all of them.

    Raises:
        OAuth2Error: `invalid_client_metadata` or `invalid_redirect_uri`; the description says what to send instead.
    """
    redirect_uris = _validate_redirect_uris(values.get("redirect_uris"))
    # The check is given the good redirect URIs only, because it refuses all of the metadata for a bad one.
    metadata = validate_standard_fields({**values, "redirect_uris": redirect_uris})
    name = values.get("client_name")
    if name is None or name == "":
        name = "An app without a name"
    if not isinstance(name, str) or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidClientMetadataError(f"client_name must be at most {MAX_NAME} printable characters.")
    if (fault := find_name_fault(name)) is not None:
        raise InvalidClientMetadataError(f"client_name {fault}.")
    requested = _validate_texts(values.get("grant_types"), "grant_types") or list(grant_types)
    if "authorization_code" not in requested:
        raise InvalidClientMetadataError("grant_types must contain authorization_code.")
    response_types = _validate_texts(values.get("response_types"), "response_types") or ["code"]
    if "code" not in response_types:
        raise InvalidClientMetadataError("response_types must contain code.")
    return metadata | {
        "client_name": name,
        "redirect_uris": redirect_uris,
        "grant_types": [grant_type for grant_type in grant_types if grant_type in requested],
        "response_types": ["code"],
        "token_endpoint_auth_method": _choose_auth_method(values, redirect_uris),
    }


def _validate_redirect_uris(value: object) -> list[str]:
    """Return the redirect URIs that can be registered, which are all that the client may use.

    The others are left out, because many clients send the schemes of all their variants together (RFC 7591, section 2).

    Raises:
        OAuth2Error: `invalid_redirect_uri` if there is none; `invalid_client_metadata` if it is no array of strings.
    """
    uris = _validate_texts(value, "redirect_uris")
    if not 1 <= len(uris) <= MAX_REDIRECT_URIS:
        raise InvalidRedirectURIError(f"redirect_uris must hold 1 to {MAX_REDIRECT_URIS} URIs.")
    registrable = [uri for uri in uris if is_registrable(uri)]
    if not registrable:
        raise InvalidRedirectURIError(
            "None of the redirect_uris can be used. Send one that is https, http on a loopback host, or the scheme of "
            "a known app; without a fragment."
        )
    return registrable


def _validate_texts(value: object, field: str) -> list[str]:
    items = cast("list[Any]", [] if value is None else value if isinstance(value, list) else [None])
    if not all(isinstance(item, str) for item in items):
        raise InvalidClientMetadataError(f"{field} must be an array of strings.")
    return items


def _choose_auth_method(values: Mapping[str, Any], redirect_uris: list[str]) -> str:
    """Return the client's authentication method at the token endpoint.

    If the client names none, RFC 7591's default (a secret) holds for web servers only: an app on a person's machine
    cannot keep a secret.
    """
    method = values.get("token_endpoint_auth_method")
    if method in (None, ""):
        is_native = values.get("application_type") == "native" or any(goes_to_local_app(uri) for uri in redirect_uris)
        return "none" if is_native else "client_secret_basic"
    if method not in AUTH_METHODS:
        raise InvalidClientMetadataError(f"token_endpoint_auth_method must be one of {', '.join(AUTH_METHODS)}.")
    return method
