"""The pictures of a memory: their bounds, their formats, and the names under which they are kept."""

import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import filetype  # pyright: ignore[reportMissingTypeStubs]
from filetype.types.image import Gif, Jpeg, Png, Webp  # pyright: ignore[reportMissingTypeStubs]

from server.memory.models import Image, Memory

MOST_IMAGES = 5
MOST_BYTES = 10 * 1024 * 1024
#: The longest name of a file, in characters.
MOST_CHARACTERS = 100

_FORMATS: Any = (Jpeg(), Png(), Gif(), Webp())
#: By the media types of the pictures that can be kept: the endings of their files, the usual one first.
_ENDINGS = {"image/jpeg": ("jpg", "jpeg"), "image/png": ("png",), "image/gif": ("gif",), "image/webp": ("webp",)}
MIMETYPES = tuple(_ENDINGS)


class PictureCopy(NamedTuple):
    """A picture of a memory that a merged memory takes over, and its description there."""

    source_id: str
    filename: str
    image: Image


class Picture(NamedTuple):
    """A picture: its name, its media type and its bytes."""

    filename: str
    mimetype: str
    data: bytes


def recognize_mimetype(data: bytes) -> str | None:
    """Return the media type that the bytes of a picture show; None if it is not one of `MIMETYPES`."""
    found: Any = filetype.match(data, matchers=_FORMATS) if data else None  # pyright: ignore[reportUnknownMemberType]
    return None if found is None else found.mime


def plan_copies(sources: Iterable[Memory], memory_id: str) -> list[PictureCopy]:
    """Return the pictures of several memories that one memory takes over: the first ones in order, as many as fit."""
    copies: list[PictureCopy] = []
    for source in sources:
        for each in source.images[: MOST_IMAGES - len(copies)]:
            name = make_filename(each.filename, each.mimetype, {copy.image.filename for copy in copies})
            workspace = each.key.removesuffix(f"/{source.id}/{each.filename}")
            image = each.model_copy(update={"key": f"{workspace}/{memory_id}/{name}", "filename": name})
            copies.append(PictureCopy(source.id, each.filename, image))
    return copies


def make_filename(given: str, mimetype: str, taken: Collection[str]) -> str:
    """Return the name under which a picture is kept: a plain one, with the ending of its format, that is not taken."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", re.split(r"[/\\]", given)[-1]).strip("-.")
    stem, dot, ending = plain.rpartition(".")
    endings = _ENDINGS[mimetype]
    if not dot or ending.lower() not in endings:
        stem, ending = plain, endings[0]
    stem = stem[: MOST_CHARACTERS - 10] or "image"
    name, number = f"{stem}.{ending}", 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}.{ending}"
    return name
