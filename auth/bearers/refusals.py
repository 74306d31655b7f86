"""The words of the refusal of an API key or an access token, and the challenge that comes with it.

The challenge tells a client where to get a token (RFC 6750, section 3; RFC 9728, section 5.1).
"""

from starlette.responses import JSONResponse, Response

from auth.resources import ProtectedResource
from server.errors import Failure

MISSING_BEARER = "Invalid or missing API key: there is no bearer. Send `Authorization: Bearer <key or access token>`."
INVALID_BEARER = "Invalid or missing API key: this bearer is unknown, expired, revoked or meant for another server."


def refusal_response(failure: Failure, resource: ProtectedResource) -> Response:
    """Return a 401 or 403 with its challenge (RFC 6750, section 3.1): without a bearer it names no error."""
    is_scope_missing = failure.code == "insufficient_scope"
    error = "insufficient_scope" if is_scope_missing else None if failure.message == MISSING_BEARER else "invalid_token"
    asked = resource.asked_scopes
    scopes = asked.list_names(failure.scopes) if is_scope_missing else asked.names
    parts = [f'error="{error}"'] if error else []
    parts += [f'scope="{" ".join(scopes)}"'] if scopes else []
    parts += [f'resource_metadata="{resource.metadata_url}"']
    headers = {"WWW-Authenticate": f"Bearer {', '.join(parts)}", "Cache-Control": "no-store"}
    return JSONResponse(failure.to_body(), int(failure.status), headers)
