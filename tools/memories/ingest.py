"""Storing many memories at once: all of them, or those that can be stored."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure, Problem, make_invalid_failure
from server.ids import new_id
from server.memory.models import Memory
from server.names import fold_name
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace, WorkspaceName
from tools.core.call import Call, ensure_workspace
from tools.core.fields import Name
from tools.core.input.refusals import list_problems
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.store_refusals import explain_tombstone
from tools.core.time_zone import InTimeZone, find_zone
from tools.memories.arguments import NewMemory, find_expiry_notice, link_to_superseded
from tools.memories.inferring import infer_from_texts, infer_sessions
from tools.memories.rows import check_links
from tools.memories.storing import embed_contents, index_new_memories, store_unless_told

MOST = 100


class RefusedEntry(BaseModel):
    """A memory of an ingest that was not stored."""

    index: int = Field(description="Its place in the list that was sent; the first has 0.")
    field: str = Field(description="The field that is wrong.")
    message: str = Field(description="The mistake, and what to send instead.")


def _refuse_pictures(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pictures as answers describe them; an ingest does not store them again."""
    if any("data" in each for each in images):
        raise ValueError("an ingest takes no pictures; store this memory alone, with store_memory")
    return images


class NewEntry(NewMemory):
    """A memory of an ingest. The two fields that are not shown let an answer be sent back as it is."""

    workspace: SkipJsonSchema[WorkspaceName | None] = None
    images: SkipJsonSchema[Annotated[list[dict[str, Any]], AfterValidator(_refuse_pictures)]] = Field(default=[])


class IngestMemories(InWorkspace, InTimeZone):
    """The arguments of `ingest_memories`."""

    memories: Annotated[list[NewEntry], Field(min_length=1, max_length=MOST)] = Field(
        description=f"Up to {MOST} memories, in the order in which they happened."
    )
    source: Name = Field(default="bulk", description="Their origin; each memory also gets the tag `source:<source>`.")
    on_error: Literal["refuse", "skip", "skip_empty"] = Field(
        default="refuse",
        description="If some of them cannot be stored: `refuse` stores none, `skip` stores the others, `skip_empty` "
        "stores the others if only their content is missing (over REST this is the default).",
    )
    #: The place of each of `memories` in the list that was sent.
    _places: list[int] = PrivateAttr(default_factory=list[int])
    _refused: list[RefusedEntry] = PrivateAttr(default_factory=list[RefusedEntry])

    @model_validator(mode="wrap")
    @classmethod
    def _validate_each(cls, sent: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Validate the memories one by one if bad ones are to be skipped, unless all of them are bad."""
        rule = sent.get("on_error")
        entries: Any = sent.get("memories") if rule in ("skip", "skip_empty") else None
        if not isinstance(entries, list):
            entries = []
        good: dict[int, NewEntry] = {}
        refused: list[RefusedEntry] = []
        for index, entry in enumerate(cast("list[Any]", entries)[: MOST + 1]):
            try:
                good[index] = NewEntry.model_validate(entry, strict=True)
            except ValidationError as error:
                problem = list_problems(error, NewEntry)[0]
                refused.append(RefusedEntry(index=index, field=problem.field, message=f"{problem.message}."))
        is_refused = rule == "skip_empty" and not all(_is_empty(entries[each.index]) for each in refused)
        if not good or is_refused or len(cast("list[Any]", entries)) > MOST:
            args = handler(sent)
            return args.with_places([*range(len(args.memories))], [])
        return handler({**sent, "memories": [*good.values()]}).with_places([*good], refused)

    def with_places(self, places: list[int], refused: list[RefusedEntry]) -> Self:
        """Note the place of each memory in the list that was sent, and the memories of that list that are skipped."""
        self._places, self._refused = places, refused
        return self

    @property
    def refused_entries(self) -> list[RefusedEntry]:
        """The memories that are skipped, in the order in which they were sent."""
        return sorted(self._refused, key=lambda each: each.index)

    def leave_out(self, problems: Sequence[Problem]) -> Self:
        """Return the arguments without the memories that have problems, if such memories are to be skipped.

        The field of a problem is `memories.`, the place among `memories`, and the field of the memory.

        Raises:
            Failure: `invalid`, with every problem: if none is to be skipped, if no memory is left, or if something else
                than a memory has a problem.
        """
        placed = [self._find_place(each) for each in problems]
        bad = {index: problem for index, problem in placed if index is not None}
        is_left = len(bad) < len(self.memories) and all(index is not None for index, _ in placed)
        if self.on_error != "skip" or not is_left:
            skipped = [Problem(f"memories.{each.index}.{each.field}", each.message[:-1]) for each in self._refused]
            raise make_invalid_failure([*skipped, *(problem for _, problem in placed)])
        kept = [index for index in range(len(self.memories)) if index not in bad]
        args = self.model_copy(update={"memories": [self.memories[index] for index in kept]})
        refused = [*self._refused, *(self._refuse(index, problem) for index, problem in bad.items())]
        return args.with_places([self._places[index] for index in kept], refused)

    def _find_place(self, problem: Problem) -> tuple[int | None, Problem]:
        """Return the place of the memory among `memories`, and the problem with its place in the list that was sent."""
        head, _, rest = problem.field.partition(".")
        if head != "memories":
            return None, problem
        index, _, field = rest.partition(".")
        return int(index), Problem(f"memories.{self._places[int(index)]}.{field}", problem.message)

    def _refuse(self, index: int, problem: Problem) -> RefusedEntry:
        field = problem.field.split(".", 2)[2]
        return RefusedEntry(index=self._places[index], field=field, message=f"{problem.message}.")


def _is_empty(entry: Any) -> bool:
    """Whether an entry has no other fault than that it has no content."""
    if not isinstance(entry, dict):
        return False
    content: Any = cast("dict[str, Any]", entry).get("content")
    if content is not None and not (isinstance(content, str) and not content.strip()):
        return False
    try:
        NewEntry.model_validate({**entry, "content": "x"}, strict=True)
    except ValidationError:
        return False
    return True


class IngestedMemories(Answer):
    """The memories that were ingested."""

    ingested: int = Field(description="The number of memories that were stored.")
    ids: list[str] = Field(description="The id of each memory, in the order given; of a repeat, that of the first one.")
    repeated: int = Field(default=0, description="The number of memories that were there already, told once more.")
    source: str = Field(description="Their origin.")
    indexed: bool = Field(description="False if the search store is down: they are stored, and can be found later.")
    refused: list[RefusedEntry] = Field(default=[], description="The memories that were skipped.")


async def ingest_memories(services: Services, call: Call, args: IngestMemories) -> IngestedMemories:
    """Store up to 100 memories in their order, in one transaction and one projection.

    Raises:
        Failure: `invalid`, with every problem, unless memories with problems are to be skipped; `quota_exceeded` if the
            account's plan does not allow all of them.
    """
    now, zone = services.now(), await find_zone(services, call, args.time_zone)
    windows = await embed_contents(services, call, [each.content for each in args.memories])
    by_entry = dict(zip(map(id, args.memories), windows or [], strict=windows is not None))
    async with services.db.write() as connection:
        placed = await ensure_workspace(connection, services, call)
        links = await _find_link_problems(connection, placed.workspace.id, args.memories)
        if args.on_error == "skip":
            links += await _find_forgotten(connection, services, placed.workspace.id, args.memories)
        if problems := [*_find_workspace_problems(placed.meta.workspace, args.memories), *links]:
            args = args.leave_out(problems)
        given = [_to_ingested_memory(each.to_memory(new_id(now), now), args.source) for each in args.memories]
        told = await infer_from_texts(services, call, given, zone)
        new = await infer_sessions(connection, placed, told, now)
        kept = None if windows is None else [by_entry[id(each)] for each in args.memories]
        stored = await store_unless_told(connection, services, placed, new, kept, now)
    ingested = len({memory.id for memory in new} & {memory.id for memory in stored})
    indexed = await index_new_memories(services, placed.workspace, ingested, windows)
    return IngestedMemories(
        meta=placed.build_meta(find_expiry_notice(new, now)),
        ingested=ingested,
        ids=[memory.id for memory in stored],
        repeated=sum(memory.id != each.id for memory, each in zip(new, stored, strict=True)),
        source=args.source,
        indexed=indexed,
        refused=args.refused_entries,
    )


def _find_workspace_problems(name: str, entries: Sequence[NewEntry]) -> list[Problem]:
    advice = f"all memories of an ingest go into one workspace, which is {name!r} here; ingest this one in its own"
    return [
        Problem(f"memories.{index}.workspace", advice)
        for index, entry in enumerate(entries)
        if entry.workspace is not None and fold_name(entry.workspace) != fold_name(name)
    ]


async def _find_forgotten(
    connection: AsyncConnection, services: Services, workspace_id: str, entries: Sequence[NewEntry]
) -> list[Problem]:
    found = await services.tombstones.find_texts(connection, workspace_id, [each.content for each in entries])
    return [
        Problem(f"memories.{index}.content", explain_tombstone(tombstone).removesuffix("."))
        for index, tombstone in found.items()
    ]


async def _find_link_problems(
    connection: AsyncConnection, workspace_id: str, entries: Sequence[NewEntry]
) -> list[Problem]:
    problems: list[Problem] = []
    for index, entry in enumerate(entries):
        field = f"memories.{index}.linkages"
        try:
            await check_links(connection, workspace_id, entry.linkages, field)
            field = f"memories.{index}.supersedes"
            await check_links(connection, workspace_id, link_to_superseded(entry.supersedes), field)
        except Failure as failure:
            problems.append(Problem(field, failure.message.removeprefix(f"{field}: ").removesuffix(".")))
    return problems


def _to_ingested_memory(memory: Memory, source: str) -> Memory:
    """Return a memory of an ingest with the tag of its source; the source is its own, if it has one."""
    tags = list(dict.fromkeys([*memory.tags, f"source:{source}"]))
    return memory.model_copy(update={"tags": tags, "source": memory.source or source})


OPERATIONS = (
    Operation(
        name="ingest_memories",
        description=(
            "Store up to 100 memories at once, in the order in which they happened: all or none, or those that can be "
            "stored, with `on_error: skip`. Use it for a conversation or notes that already exist: give each memory "
            "its `author`, `session` and `occurred_at` if you know them. For a single fact use store_memory."
        ),
        routes=(("POST", "/v1/memories/ingest"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=IngestMemories,
        returns=IngestedMemories,
        handler=ingest_memories,
    ),
)
