"""JSON answers of the OAuth endpoints. None may be stored by anybody on the way (RFC 6749, section 5.1)."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from auth.rfc import OAuth2Error
from server.errors import Failure

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


def answer(body: Mapping[str, Any], status: int = 200) -> JSONResponse:
    """A good answer."""
    return JSONResponse(body, status, NO_STORE)


def refusal(error: OAuth2Error) -> JSONResponse:
    """An error as RFC 6749, section 5.2 writes it."""
    body = {"error": error.error, "error_description": error.description or "The request was refused."}
    headers = dict(NO_STORE)
    if error.status_code == 401:  # noqa: PLR2004 - Unauthorized
        headers["www-authenticate"] = f'Basic realm="loci", error="{error.error}"'
    return JSONResponse(body, error.status_code, headers)


def throttled(failure: Failure) -> JSONResponse:
    """Too many requests, in the shape of this endpoint's other errors."""
    body = {"error": "temporarily_unavailable", "error_description": failure.message}
    return JSONResponse(body, failure.status, NO_STORE | {"retry-after": str(failure.retry_after)})
