"""The header `Retry-After` (RFC 9110, section 10.2.3): in our refusals, and in those of other servers."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_headers(seconds: int | None) -> dict[str, str]:
    """Return the header that names the seconds to wait; no header if `seconds` is None."""
    return {} if seconds is None else {"Retry-After": str(seconds)}


def read_retry_after(said: str, now: datetime, longest: float) -> float:
    """Return the seconds to wait that another server's header says, at most `longest`; 0 if it says nothing usable."""
    if said.isascii() and said.isdecimal():
        return min(float(said), longest)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), longest)
