"""The bounds of a request's body, counted while it is read, as a body may come without its length."""

import asyncio
import time

from starlette.types import Message, Receive, Scope

from server.errors import Failure
from server.memory.images import MOST_BYTES, MOST_IMAGES

MAX_BODY = 4 * 1024 * 1024
#: The largest pictures in base64, with an escaped line break after every 64 characters, and the rest of the memory.
MAX_BODY_WITH_PICTURES = MOST_IMAGES * (MOST_BYTES // 3 + 1) * 4 * 66 // 64 + MAX_BODY
#: A file to import, which is not kept in memory.
MAX_IMPORT = 1 << 30
BOUNDS = {
    ("POST", "/v1/memories"): MAX_BODY_WITH_PICTURES,
    ("POST", "/v1/import"): MAX_IMPORT,
    ("POST", "/import/file"): MAX_IMPORT,
}
#: How many bodies that are larger than `MAX_BODY` may come to one path at once.
LARGE_BODIES = 2
#: The bytes a second that such a body must bring on average, after so many seconds of waiting for it: it keeps others
#: from their places.
LEAST_PACE, GRACE_SECONDS = 8_192, 30.0
_PICTURES = b'"images"'


def find_bound(scope: Scope) -> int:
    """Return the most bytes that the body of a request may have: more for pictures of a memory, and for an import."""
    return BOUNDS.get((scope["method"], scope["path"]), MAX_BODY)


def make_too_large(bound: int) -> Failure:
    """Return the refusal of a body that has more bytes than `bound`."""
    return Failure("too_large", f"The body may have at most {bound} bytes. Send less at once.")


class RequestBody:
    """Receives a body.

    One that is larger than `MAX_BODY` must have named its pictures by then, and takes one of the `places`, until it is
    closed.
    """

    def __init__(self, receive: Receive, bound: int, places: asyncio.Semaphore) -> None:
        self._receive = receive
        self._bound = bound
        self._places = places
        self._read = 0
        self._end = b""
        self._names_pictures = bound == MAX_IMPORT  # or needs none
        self._has_place = False
        self._read_at_place = 0
        self._waited = 0.0

    async def __call__(self) -> Message:
        """Return the next message.

        Raises:
            Failure: `too_large`; `timed_out` if it comes too slowly; `unavailable` if there is no place for another
                large body.
        """
        asked_at = time.monotonic()
        message = await self._receive()
        self._waited += time.monotonic() - asked_at
        piece = message.get("body", b"")
        self._read += len(piece)
        if self._read > self._bound:
            raise make_too_large(self._bound)
        if self._bound > MAX_BODY and not self._names_pictures:
            self._names_pictures = _PICTURES in self._end + piece
            self._end = piece[-len(_PICTURES) :]
        if self._read > MAX_BODY and not self._names_pictures:
            raise make_too_large(MAX_BODY)
        if self._read > MAX_BODY and not self._has_place:
            if self._places.locked():
                raise Failure("unavailable", "Too many large bodies arrive at once. Try again.", retry_after=5)
            await self._places.acquire()
            self._has_place = True
            self._read_at_place, self._waited = self._read, 0.0
        if self._has_place and message.get("more_body"):
            self._check_pace()
        return message

    def _check_pace(self) -> None:
        came = self._read - self._read_at_place
        if self._waited > GRACE_SECONDS and came < LEAST_PACE * self._waited:
            message = f"The body comes too slowly: send at least {LEAST_PACE} bytes a second, or less at once."
            raise Failure("timed_out", message)

    def close(self) -> None:
        """Give the place back."""
        if self._has_place:
            self._has_place = False
            self._places.release()
