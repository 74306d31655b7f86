"""The strength of a secret that a person gives: it must be too long and too random to be guessed by trying."""

import zlib
from itertools import pairwise

#: A shorter secret could be guessed by trying.
LEAST_BYTES = 32
#: The least size of a secret without its repetitions. 32 random digits have 27 bytes, a word said five times has 15.
LEAST_PACKED_BYTES = 24
#: The bytes that are looked at; a longer secret is as strong as these.
EXAMINED_BYTES = 256


def is_patterned(secret: bytes) -> bool:
    """Whether a secret of at least `LEAST_BYTES` mostly repeats itself, or counts up or down."""
    examined = secret[:EXAMINED_BYTES]
    steps = bytes((after - before) % 256 for before, after in pairwise(examined))
    return min(_count_packed(examined), _count_packed(steps)) < LEAST_PACKED_BYTES


def _count_packed(data: bytes) -> int:
    """Return the size of the data when it is compressed, without a header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return len(packer.compress(data) + packer.flush())
