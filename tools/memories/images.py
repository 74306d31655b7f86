"""The pictures of a new memory: their arguments, and how they are decoded and checked."""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from server.errors import Problem, make_invalid_failure
from server.memory.images import MIMETYPES, MOST_BYTES, MOST_IMAGES, Picture, make_filename, recognize_mimetype
from server.memory.models import Image

#: The most characters of base64 that can stand for `MOST_BYTES`, with a line break after every 64.
_MOST_CHARACTERS = MOST_BYTES * 3 // 2
#: Characters that are decoded at once: a multiple of four.
_PIECE = 512 * 1024


class NewImage(BaseModel):
    """A picture of a new memory."""

    model_config = ConfigDict(extra="forbid")

    data: str = Field(
        exclude=True, repr=False, description="The file in base64: jpeg, png, gif or webp, at most 10 MiB."
    )
    filename: Annotated[str, Field(max_length=500)] = Field(default="", description="Its name.")
    mimetype: Annotated[str, Field(max_length=100)] = Field(
        default="", description="Its media type. The bytes of the picture decide."
    )


def _check_count(images: list[NewImage]) -> list[NewImage]:
    if len(images) > MOST_IMAGES:
        raise ValueError(f"Maximum {MOST_IMAGES} images for a memory; you sent {len(images)}")
    return images


NewImages = Annotated[list[NewImage], AfterValidator(_check_count)]


async def decode_images(images: Sequence[NewImage]) -> list[Picture]:
    """Return the pictures of a new memory, under names that differ. Each is decoded in a thread.

    Raises:
        Failure: `invalid`, with the place of each picture that is no base64, too large, or of another format.
    """
    pictures: list[Picture] = []
    problems: list[Problem] = []
    for index, each in enumerate(images):
        data = await asyncio.to_thread(_decode, each.data)
        mimetype = recognize_mimetype(data) if isinstance(data, bytes) else None
        if not isinstance(data, bytes):
            problems.append(Problem(f"images.{index}.data", data))
        elif mimetype is None:
            sent = each.mimetype or "unknown"
            message = f"Unsupported image type: {sent}. Its bytes are none of {', '.join(MIMETYPES)}"
            problems.append(Problem(f"images.{index}.data", message))
        else:
            name = make_filename(each.filename, mimetype, {picture.filename for picture in pictures})
            pictures.append(Picture(name, mimetype, data))
    if problems:
        raise make_invalid_failure(problems)
    return pictures


def describe_pictures(pictures: Sequence[Picture], workspace: str, memory_id: str) -> list[Image]:
    """Return what the memory of this id says about its pictures."""
    return [
        Image(
            key=f"{workspace}/{memory_id}/{each.filename}",
            filename=each.filename,
            mimetype=each.mimetype,
            size=len(each.data),
        )
        for each in pictures
    ]


def _decode_base64(text: str) -> bytes:
    """Return the bytes, decoded in pieces, so that the event loop gets its turns between them."""
    if "=" in text[:-2]:
        raise binascii.Error("padding in the middle")
    return b"".join(base64.b64decode(text[at : at + _PIECE], validate=True) for at in range(0, len(text), _PIECE))


def _decode(text: str) -> Any:
    """Return the bytes that a text in base64 stands for, or a sentence about its fault, without a stop."""
    if not text.strip():
        return "Each image requires data: the file in base64"
    if len(text) > _MOST_CHARACTERS:
        return "the picture exceeds the 10MB limit"
    try:
        data = _decode_base64("".join(text.split()))
    except (binascii.Error, ValueError) as error:
        return f"is no base64 ({str(error).lower()}); send the bytes of the file in base64, without a data: prefix"
    return data if len(data) <= MOST_BYTES else f"the picture exceeds the 10MB limit; it has {len(data)} bytes"
