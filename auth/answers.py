"""JSON answers of the OAuth endpoints. No cache may store them (RFC 6749, section 5.1)."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from auth.rfc import OAuth2Error
from server.errors import Failure
from server.network.retry_after import retry_after_headers

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


def make_json_response(body: Mapping[str, Any], status: int = 200) -> JSONResponse:
    """Return a successful answer."""
    return JSONResponse(body, status, NO_STORE)


def refusal_response(error: OAuth2Error | Failure) -> JSONResponse:
    """Return an error in the form of RFC 6749, section 5.2. A `Failure` here means too many requests."""
    if isinstance(error, Failure):
        body = {"error": "temporarily_unavailable", "error_description": error.message}
        return JSONResponse(body, error.status, NO_STORE | retry_after_headers(error.retry_after))
    body = {"error": error.error, "error_description": error.description or "The request was refused."}
    headers = dict(NO_STORE)
    if error.status_code == 401:  # noqa: PLR2004 - Unauthorized
        headers["www-authenticate"] = f'Basic realm="loci", error="{error.error}"'
    return JSONResponse(body, error.status_code, headers)
