"""An issuer's metadata and keys: the places where they are, and the checks that they are the issuer's own."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from auth.fetching import UnusableAnswerError, fetch_json
from auth.issuers.keys import UnusableKeySetError, VerifyingKey, read_key_set
from server.network.loopback import is_loopback

#: The seconds that one request may take, and all of them together.
REQUEST_SECONDS = 5.0
TOTAL_SECONDS = 8.0
MAX_METADATA = 64 * 1024
MAX_KEY_SET = 256 * 1024
_TIMEOUTS = httpx.Timeout(REQUEST_SECONDS)


class UnusableIssuerError(Exception):
    """The metadata or the keys of an issuer cannot be used. The message says why, for the operator."""


@dataclass(frozen=True, slots=True)
class IssuerState:
    """The documents that an issuer publishes: its metadata and its keys, and the time for which both may be stored."""

    metadata: dict[str, Any]
    keys: list[VerifyingKey]
    lifetime: timedelta


async def fetch_state(http: httpx.AsyncClient, issuer: str) -> IssuerState:
    """Return an issuer's metadata and keys. The caller bounds the time with `TOTAL_SECONDS`.

    Raises:
        UnusableIssuerError: they cannot be used.
    """
    try:
        metadata = await _fetch_metadata(http, issuer)
        url = _read_key_set_url(metadata, issuer)
        document, lifetime = await fetch_json(http, url, subject="key set", most_bytes=MAX_KEY_SET, timeouts=_TIMEOUTS)
        return IssuerState(metadata, read_key_set(document), lifetime)
    except (UnusableAnswerError, UnusableKeySetError) as error:
        raise UnusableIssuerError(str(error)) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise UnusableIssuerError(f"It does not answer ({type(error).__name__}).") from None


def list_metadata_urls(issuer: str) -> list[str]:
    """Return the URLs at which an issuer may publish its metadata, the most usual one first.

    OpenID Connect puts the well-known path behind the issuer's, RFC 8414 puts it before.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    host = f"{parts.scheme}://{parts.netloc}"
    return [
        f"{host}{path}/.well-known/openid-configuration",
        f"{host}/.well-known/oauth-authorization-server{path}",
    ]


async def _fetch_metadata(http: httpx.AsyncClient, issuer: str) -> dict[str, Any]:
    """Return the first usable metadata of the issuer.

    Raises:
        UnusableAnswerError: no place has any. The message is about the first one.
    """
    problems: list[UnusableAnswerError] = []
    for url in list_metadata_urls(issuer):
        try:
            metadata, _ = await fetch_json(http, url, subject="metadata", most_bytes=MAX_METADATA, timeouts=_TIMEOUTS)
            _check_issuer(metadata, issuer)
        except UnusableAnswerError as error:
            problems.append(error)
        else:
            return metadata
    raise problems[0]


def _check_issuer(metadata: dict[str, Any], issuer: str) -> None:
    """Check that metadata are those of the issuer, character by character (RFC 8414, section 3.3)."""
    named = metadata.get("issuer")
    if named != issuer:
        shown = named[:200] if isinstance(named, str) else None
        raise UnusableAnswerError(f"Its metadata name the issuer {shown!r}, and not {issuer!r}.")


def _read_key_set_url(metadata: dict[str, Any], issuer: str) -> str:
    url = metadata.get("jwks_uri")
    if not isinstance(url, str) or not is_as_safe(url, issuer):
        raise UnusableAnswerError("Its metadata have no `jwks_uri` with https.")
    return url


def is_as_safe(url: str, issuer: str) -> bool:
    """Whether a URL is https, or on loopback like the issuer itself. A text that is no URL is not."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets without an IPv6 address, or characters that mean `/` or `@`
        return False
    host = parts.hostname or ""
    is_local = parts.scheme == "http" and issuer.startswith("http:") and is_loopback(host)
    return bool(host) and (parts.scheme == "https" or is_local)
