"""The strength of a secret that a person gives: it must be too long and too random to be guessed by trying."""

import zlib
from itertools import pairwise

#: A shorter secret could be guessed by trying.
LEAST_BYTES = 32
#: The least size of a secret without its repetitions. 32 random digits have 27 bytes, a word said five times has 15.
LEAST_PACKED_BYTES = 24
#: The bytes that are looked at; a longer secret is as strong as these.
EXAMINED_BYTES = 256


#: The keys of a keyboard row by row and column by column; in many countries a few of them are elsewhere.
_KEYS = (b"1234567890-=qwertyuiop[]asdfghjkl;'zxcvbnm,./", b"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/")
#: The place of each key in these.
_PLACES = [bytes.maketrans(keys, bytes(range(len(keys)))) for keys in _KEYS]


def is_patterned(secret: bytes) -> bool:
    """Whether a secret of at least `LEAST_BYTES` mostly repeats itself, counts, or runs along a keyboard."""
    examined = secret[:EXAMINED_BYTES]
    codes = [examined, *(examined.lower().translate(places) for places in _PLACES)]
    sizes = [_count_packed(examined), *(_count_packed(_find_steps(code)) for code in codes)]
    return min(sizes) < LEAST_PACKED_BYTES


def _find_steps(data: bytes) -> bytes:
    return bytes((after - before) % 256 for before, after in pairwise(data))


def _count_packed(data: bytes) -> int:
    """Return the size of the data when it is compressed, without a header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return len(packer.compress(data) + packer.flush())
