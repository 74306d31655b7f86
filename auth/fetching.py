"""The one way to read a JSON document of another server: without redirects, and within bounds of size and time."""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from auth.json_objects import parse_json_object
from server.errors import Failure

SHORTEST_LIFETIME = timedelta(minutes=5)
LONGEST_LIFETIME = timedelta(hours=24)
#: Compressed bytes could become more than the bound allows.
_HEADERS = {"accept": "application/json", "accept-encoding": "identity"}


class UnusableAnswerError(Exception):
    """A server answered, and its answer is no usable document. The message is a sentence about it."""


async def fetch_json(
    http: httpx.AsyncClient,
    url: str,
    *,
    subject: str,
    most_bytes: int,
    timeouts: httpx.Timeout,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    extensions: dict[str, Any] | None = None,
) -> tuple[dict[str, Any], timedelta]:
    """Return the JSON object at a URL, and the time for which it may be stored.

    Args:
        http: a client that follows no redirects.
        url: the URL.
        subject: the noun for the document in messages.
        most_bytes: the bound of its size.
        timeouts: the bounds of each step. The caller bounds the whole.
        headers: more headers.
        form: the form to send; without one the request is a GET.
        extensions: httpx's extensions of the request.

    Raises:
        UnusableAnswerError: the answer is no such object, or there can be no such request.
        httpx.HTTPError: there is no answer.
    """
    headers = _HEADERS | dict(headers or {})
    _check_request(url, headers, subject)
    async with http.stream(
        "GET" if form is None else "POST", url, data=form, headers=headers, extensions=extensions, timeout=timeouts
    ) as response:
        media_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
        if response.status_code != HTTPStatus.OK:
            raise UnusableAnswerError(f"The {subject}'s server answered {response.status_code} instead of 200.")
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnusableAnswerError(f"The {subject} is not served as application/json.")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > most_bytes:
                raise UnusableAnswerError(f"The {subject} is larger than {most_bytes} bytes.")
        return _parse(bytes(body), subject), read_lifetime(response.headers.get("cache-control", ""))


def _check_request(url: str, headers: Mapping[str, str], subject: str) -> None:
    """Check that a request can be sent at all. Its URL and its token may come from another server.

    httpx has no error of its own for a host that IDNA does not allow, a port above 65535, or a header beyond ASCII.
    """
    try:
        _ = httpx.URL(url).host, urlsplit(url).port  # reading them checks them
        for value in headers.values():
            value.encode("ascii")
    except (httpx.InvalidURL, ValueError):
        raise UnusableAnswerError(f"The {subject} cannot be asked for: its URL or its token is malformed.") from None


def read_lifetime(cache_control: str) -> timedelta:
    """Return the time for which an answer may be stored, within our bounds (RFC 9111)."""
    pairs = (part.strip().lower().partition("=") for part in cache_control.split(","))
    directives = {name: value for name, _, value in pairs}
    if "no-store" in directives or "no-cache" in directives:
        return SHORTEST_LIFETIME
    age = directives.get("max-age", "").strip('"')
    seconds = int(age) if age.isdecimal() and len(age) < 10 else 0  # noqa: PLR2004 - more digits are longer than LONGEST_LIFETIME anyway
    return min(max(timedelta(seconds=seconds), SHORTEST_LIFETIME), LONGEST_LIFETIME)


def _parse(body: bytes, subject: str) -> dict[str, Any]:
    try:
        return parse_json_object(body)
    except ValueError as error:
        raise UnusableAnswerError(f"The {subject} {error}.") from None
    except Failure as failure:
        raise UnusableAnswerError(f"In the {subject}, {failure.message}") from None
