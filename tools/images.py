"""Looking at the pictures of memories."""

from pydantic import Field

from server.errors import Failure
from server.store.record import images
from tools.core.answers import AnswerImage
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Id, Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services


class ViewImage(InWorkspace):
    """The arguments of `view_image`."""

    memory_id: Id = Field(description="The memory's id.")
    filename: Name | None = Field(default=None, description="The picture's name. Default: the memory's first picture.")


async def view_image(services: Services, call: Call, args: ViewImage) -> AnswerImage:
    """Return a picture of a memory. Raises `not_found`: the same for unknown, foreign and deleted memories."""
    async with services.db.read() as connection:
        found = await images.get_picture(connection, call.id_for_reading, args.memory_id, args.filename)
    if found is None:
        wanted = "no picture" if args.filename is None else f"no picture {args.filename!r}"
        raise Failure("not_found", f"Image not found: the memory {args.memory_id} has {wanted}.", field="memory_id")
    size = len(found.data)
    return AnswerImage(
        text=f"{found.filename} ({found.mimetype}, {size} bytes) of the memory {args.memory_id}",
        meta=call.meta,
        filename=found.filename,
        mimetype=found.mimetype,
        size=size,
        data=found.data,
    )


#: It has a route of its own, because its answer is no JSON: see `server.web.image_endpoint`.
VIEW_IMAGE = Operation(
    name="view_image",
    description="Look at a picture of a memory.",
    routes=(),
    scope="memory:read",
    effect=Effect.READ,
    args=ViewImage,
    returns=AnswerImage,
    handler=view_image,
)
