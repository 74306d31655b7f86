"""The words of min-memory's tools: its types and relations, its names of our arguments, and the form of its answers."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field

from server.errors import Failure
from tools.core.answers import Answer, Readable
from tools.core.arguments import Args, validate_request
from tools.core.call import Call
from tools.core.input.refusals import with_spelling
from tools.core.services import Services

MemoryType = Literal["core_identity", "project_context", "task_instruction", "episodic"]
RelationType = Literal["supports", "contradicts", "supersedes", "refines", "depends_on", "implements", "example_of"]
Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
#: The label of a link by which a memory takes the place of another one.
SUPERSEDES: RelationType = "supersedes"
#: The type of a memory that says what an entity is.
ENTITY_TYPE = "entity"
#: The keys of a memory's metadata in which its status and its priority are kept.
STATUS, PRIORITY = "status", "priority"
#: Our names of arguments and, for each, min-memory's.
SPELLINGS: Mapping[str, str] = {
    "id": "memory_id",
    "content": "text",
    "type": "memory_type",
    "task": "task_id",
    "linkages": "related_to",
    "metadata.status": "status",
    "metadata.priority": "priority",
}

A = TypeVar("A", bound=Args)
R = TypeVar("R", bound=BaseModel)


class JsonAnswer(Answer, Readable):
    """An answer whose text is its fields as JSON, as min-memory's clients read it."""

    def to_text(self) -> str:
        """Return the fields as JSON, and the notice if there is one."""
        notice = {"notice": self.meta.notice} if self.meta.notice else {}
        return write_json(self.model_dump(mode="json", exclude={"meta"}) | notice)


def write_json(value: Any) -> str:
    """Return a value as JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def have_done(
    handler: Callable[[Services, Call, A], Awaitable[R]],
    services: Services,
    call: Call,
    args: A | tuple[type[A], dict[str, Any]],
    spellings: Mapping[str, str] = SPELLINGS,
) -> R:
    """Have one of our operations done, with its arguments or with their model and values; return its answer.

    Raises:
        Failure: the operation refuses the call. It names arguments as min-memory does.
    """
    if isinstance(args, tuple):
        args = validate_request(*args, spellings)
    try:
        return await handler(services, call, args)
    except Failure as failure:
        if failure.problems or failure.figures:
            raise
        raise with_spelling(failure, spellings) from None
