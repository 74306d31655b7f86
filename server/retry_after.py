"""The header `Retry-After` of a refusal (RFC 9110, section 10.2.3)."""


def retry_after_headers(seconds: int | None) -> dict[str, str]:
    """Return the header that names the seconds to wait; no header if `seconds` is None."""
    return {} if seconds is None else {"Retry-After": str(seconds)}
