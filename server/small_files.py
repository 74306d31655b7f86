"""Files that a setting or an option names, such as one with a password: they are read within a bound of size and time.

Anything may be named: a device that never ends, a pipe that nobody writes into, or a folder.
"""

import os
import select
import time
from pathlib import Path

#: The bytes of a file with a password, a key or another secret.
MOST_SECRET_BYTES = 65_536
#: The seconds that whoever writes into a pipe has. A script may ask a password manager first.
PIPE_SECONDS = 30.0
_STEP = 8192


class UnusableFile(Exception):  # noqa: N818 - it names the reason; the callers decide on the words
    """A file cannot be read; the text says why, as the end of a sentence."""


def read_small_file(path: Path, most: int = MOST_SECRET_BYTES, seconds: float = PIPE_SECONDS) -> bytes:
    """Return the bytes of a file, or of a pipe until its end.

    Raises:
        UnusableFile: it cannot be read, has more than `most` bytes, or its end does not come within the seconds.
    """
    try:
        # Without O_NONBLOCK a pipe that nobody writes into would stop this process when it is opened.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            return _read_to_end(file, most, time.monotonic() + seconds)
        finally:
            os.close(file)
    except OSError as error:
        raise UnusableFile(error.strerror or "it cannot be read") from None


def _read_to_end(file: int, most: int, end: float) -> bytes:
    poll = select.poll()
    poll.register(file, select.POLLIN)
    found = bytearray()
    while len(found) <= most:
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            raise UnusableFile("nobody writes into it, or its end does not come")
        try:
            part = os.read(file, _STEP)
        except BlockingIOError:
            continue
        if not part:
            return bytes(found)
        found += part
    raise UnusableFile(f"it has more than {most} bytes")
