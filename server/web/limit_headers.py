"""The headers that tell a caller what its rate limit still allows."""

from collections.abc import Mapping
from typing import Any

from auth.principal import Principal
from tools.core.services import Services

LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_NAMES = tuple(name.lower().encode() for name in LIMIT_HEADERS)


def list_limit_headers(state: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return the headers for the answer to a request with this state; none if its credential has no limit.

    The reset is the second since 1970 at which everything that the limit allows is there again.
    """
    principal: Principal | None = state.get("principal")
    services: Services | None = state.get("services")
    if principal is None or services is None:
        return []
    allowance = services.rate_limit.find_allowance(principal.credential_id)
    if allowance is None:
        return []
    figures = (allowance.limit, allowance.remaining, -int(-allowance.reset_at.timestamp() // 1))
    return [(name, str(figure).encode()) for name, figure in zip(_NAMES, figures, strict=True)]
