"""The status of an answer from another server, in words of our own: that server's words may be anything."""

from http import HTTPStatus


def describe_status(status: int) -> str:
    """Return a status in digits and, if it is a usual one, in words."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
