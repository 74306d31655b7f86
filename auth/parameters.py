"""Parameters of queries and forms, read by RFC 6749, section 3.1: none may repeat; an empty one counts as missing."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from auth.json_objects import parse_json_object
from auth.rfc import InvalidClientMetadataError, InvalidRequestError
from server.errors import Failure

MAX_BODY = 64 * 1024
MAX_FIELDS = 60


@dataclass(frozen=True, slots=True)
class Parameters:
    """Names and values, in the order of the request."""

    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """Return the value of a parameter that may appear once; None if it is missing or empty.

        Raises:
            OAuth2Error: `invalid_request` if it appears twice.
        """
        values = self.get_all(name)
        if len(values) > 1:
            raise InvalidRequestError("A parameter is repeated.")
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        """Return every value of a parameter that may be repeated, without the empty ones."""
        return [value for key, value in self.pairs if key == name and value]

    def to_dict(self) -> dict[str, str]:
        """Return each parameter and its value, without `resource`, which may be repeated (RFC 8707, section 2).

        Raises:
            OAuth2Error: `invalid_request` if a parameter appears twice.
        """
        return {name: self.get(name) or "" for name, _ in self.pairs if name != "resource"}


def parse_parameters(text: str) -> Parameters:
    """Return the parameters of a query or of a form.

    Raises:
        OAuth2Error: `invalid_request` if it is not UTF-8, has too many fields, or contains a NUL, which no database
            accepts.
    """
    try:
        pairs = tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError:
        raise InvalidRequestError("The parameters cannot be read.") from None
    if any("\x00" in part for pair in pairs for part in pair):
        raise InvalidRequestError("The parameters cannot be read.")
    return Parameters(pairs)


async def read_form(request: Request) -> Parameters:
    """Return the form that a request posts.

    Raises:
        OAuth2Error: `invalid_request`; with status 413 if it is too large, 415 if its content type is wrong.
    """
    _check_type(request, "application/x-www-form-urlencoded")
    try:
        text = (await _read_body(request, MAX_BODY)).decode("ascii")
    except UnicodeDecodeError:
        raise InvalidRequestError("The form is not URL-encoded.") from None
    return parse_parameters(text)


async def read_metadata(request: Request, limit: int) -> dict[str, Any]:
    """Return the client metadata that a request posts as a JSON object, of at most `limit` bytes.

    Raises:
        OAuth2Error: `invalid_client_metadata` if a value cannot be stored; else `invalid_request`, with status
            413 if it is too large, 415 if its content type is wrong.
    """
    _check_type(request, "application/json")
    body = await _read_body(request, limit)
    try:
        return parse_json_object(body)
    except ValueError as error:
        raise InvalidRequestError(f"The body {error}.") from None
    except Failure as failure:
        raise InvalidClientMetadataError(failure.message) from None


def _check_type(request: Request, wanted: str) -> None:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != wanted:
        raise InvalidRequestError(f"Send {wanted}.", status_code=415)


async def _read_body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise InvalidRequestError(f"The body is larger than {limit} bytes.", status_code=413)
    return bytes(body)
