"""HTTP answers: bodies read as JSON, and refusals written as JSON. The Entrance turns every error into an answer."""

from contextlib import suppress
from typing import Any, cast

from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from server.errors import (
    STATUS,
    Failure,
    make_damaged_record_failure,
    make_full_disk_failure,
    make_internal_failure,
    make_unavailable_failure,
)
from server.network.retry_after import retry_after_headers
from server.storable import load_json
from server.store.outage import find_outage
from server.store.search.seam import EngineDown
from server.web.request_body import MAX_BODY


def refusal_response(failure: Failure) -> JSONResponse:
    """Return a refusal as an HTTP response."""
    return JSONResponse(failure.to_body(), int(failure.status), retry_after_headers(failure.retry_after))


def make_error_response(error: Exception, path: str) -> JSONResponse:
    """Return any error as an HTTP response: Starlette's refusals of a path or a method, ours, and bugs."""
    if not isinstance(error, HTTPException):
        return refusal_response(as_failure(error))
    response = refusal_response(_failure_from_http(error, path))
    response.headers.update(error.headers or {})
    return response


def as_failure(error: Exception) -> Failure:
    """Return the refusal that a caller gets for an error.

    A store that is down is named; a bug is not described. The SDK's task groups put a refusal into an exception group.
    """
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    if isinstance(error, Failure):
        return error
    if isinstance(error, EngineDown):
        return make_unavailable_failure("search store")
    match find_outage(error):
        case "full":
            return make_full_disk_failure()
        case "damaged":
            return make_damaged_record_failure()
        case "down":
            return make_unavailable_failure("record")
        case None:
            return make_internal_failure()


async def read_json(request: Request, list_field: str | None = None) -> dict[str, Any]:
    """Return the JSON object in the body, an empty one if there is no body.

    A list in the body is taken as an object with this field, if `list_field` is given.

    Raises:
        Failure: `malformed` or `unsupported_media_type`.
    """
    content = await request.body()
    if not content.strip():
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Failure(
            "unsupported_media_type", f"Send JSON with `Content-Type: application/json`; this is {media_type!r}."
        )
    try:
        value = _parse_json(content)
    except RecursionError:
        raise Failure("malformed", "The body is nested too deep.") from None
    except ValueError as error:
        raise Failure("malformed", f"The body is not valid JSON: {error}.") from None
    if isinstance(value, list) and list_field is not None:
        return {list_field: value}
    if not isinstance(value, dict):
        raise Failure("malformed", "The body must be a JSON object.")
    return cast("dict[str, Any]", value)


def _parse_json(content: bytes) -> Any:
    """Return the value of a body. A large one has a faster parser, because the event loop waits for it."""
    if len(content) > MAX_BODY:
        # It does not read a number of thousands of digits, and says no field's name.
        with suppress(ValueError):
            return from_json(content, cache_strings="none")
    return load_json(content)


def _failure_from_http(error: HTTPException, path: str) -> Failure:
    if error.status_code == STATUS["not_found"]:
        return Failure("not_found", f"There is no {path}; /openapi.json lists the API.")
    code = "method_not_allowed" if error.status_code == STATUS["method_not_allowed"] else "malformed"
    return Failure(code, f"{error.detail}.")
