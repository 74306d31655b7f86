"""The fields of a new memory and the filters of memories: arguments that several operations share."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, cast

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from server.memory.models import INFERABLE, SUPERSEDES, Inferable, Linkage, Memory, Scope
from server.memory.tiers import Tier, list_tiers
from server.store.record.memory_lists import Listing
from server.store.record.relations.current import Past
from tools.core.arguments import Args, InWorkspace
from tools.core.fields import METADATA_BYTES, AsOf, Content, End, Id, Moment, Name, NewName, NewWords, Word, Words
from tools.core.time_zone import InTimeZone
from tools.memories.images import NewImages

DEFAULT_TYPE = "observation"


def to_json_value(value: Any) -> Any:
    """Return a value as a JSON column takes it: models become objects."""
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return [each.model_dump(exclude_none=True) for each in value]  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType] - models
    return value  # pyright: ignore[reportUnknownVariableType] - anything


def _check_link_ends(linkages: list[Linkage]) -> list[Linkage]:
    for link in linkages:
        if link.type == "file" and not link.path:
            raise ValueError("a link of type 'file' needs a path")
        if link.type != "file" and not link.id:
            raise ValueError(f"a link of type {link.type!r} needs an id")
    return linkages


def find_metadata_problem(metadata: dict[str, Any]) -> str | None:
    """Return, in words, the bound that metadata exceeds; None if it exceeds none."""
    size = len(json.dumps(metadata, ensure_ascii=False).encode())
    return f"must be at most {METADATA_BYTES} bytes of JSON; this is {size}" if size > METADATA_BYTES else None


def _check_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    if problem := find_metadata_problem(metadata):
        raise ValueError(problem)
    return metadata


#: The most links of a memory.
MOST_LINKS = 100
Linkages = Annotated[list[Linkage], Field(max_length=MOST_LINKS), AfterValidator(_check_link_ends)]
LinkedId = Annotated[str, StringConstraints(min_length=1, max_length=36)]
SupersededIds = Annotated[list[LinkedId], Field(max_length=50)]
SUPERSEDES_FIELD = "Ids of memories that it replaces: they leave recall."


def link_to_superseded(ids: Sequence[str]) -> list[Linkage]:
    """Return the links that say that these memories are replaced."""
    return [Linkage(type="memory", id=each, label=SUPERSEDES) for each in dict.fromkeys(ids)]


#: What comes with each memory of a list if it is asked for.
Includes = Annotated[list[Literal["stored_by"]], Field(max_length=1)]
INCLUDE = "What comes with each memory as well: `stored_by`, the person, the app and the session that stored it."


Metadata = Annotated[dict[str, Any], AfterValidator(_check_metadata)]


def merge_patch(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Return the object that a JSON merge patch makes of another one (RFC 7396, section 2): null removes a key."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            before: Any = merged.get(name)
            merged[name] = merge_patch(before if isinstance(before, dict) else {}, cast("dict[str, Any]", value))  # pyright: ignore[reportUnknownArgumentType] - JSON
        else:
            merged[name] = value
    return merged


def make_patch(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7396) that makes one object of another."""
    patch: dict[str, Any] = {name: None for name in now if name not in wanted}
    for name, value in wanted.items():
        before = now.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            patch[name] = make_patch(cast("dict[str, Any]", before), cast("dict[str, Any]", value))
        elif before != value:
            patch[name] = value
    return patch


def find_missing_place(scope: Scope | None, project: str | None, task: str | None) -> str | None:
    """Return, in words, the argument that a scope needs and does not have; None if none is missing."""
    if scope in {"project", "task"} and project is None:
        return f"project is required when scope is {scope!r}"
    if scope == "task" and task is None:
        return "task is required when scope is 'task'"
    return "project is required with a task" if task is not None and project is None else None


#: The fields of a memory that only answers have: the server sets them.
ANSWERED_FIELDS: Mapping[str, str | None] = dict.fromkeys(
    (
        *("id", "workspace", "meta", "created_at", "updated_at", "relevance", "access_count", "last_accessed_at"),
        *("superseded_by", "superseded_at", "buried_at", "pinned_at", "repeats", "repeated_at", "similar"),
        *("consolidated", "consolidated_into", "score", "keyword_score", "vector_score", "relevance_score"),
        *("skipped_by", "why", "cut", "title", "text", "url", "images", "inferred", "stored_by"),
    )
)


class NewMemory(Args):
    """The fields of a new memory. Only `content` is required."""

    answered_fields: ClassVar[Mapping[str, str | None]] = {**ANSWERED_FIELDS, "created_at": "occurred_at"}

    content: Content = Field(
        description="What to remember, in plain words that make sense on their own. At most 32 KiB.",
    )
    type: Word | None = Field(
        default=None,
        description="fact, decision, observation (the default), instruction, preference, or a word of your own.",
    )
    tags: NewWords = Field(default=[], description="Short labels to find and group it by.")
    scope: Scope | None = Field(
        default=None,
        description=(
            "The part of the workspace in which it is valid: all of it (`global`), one `project`, or one `task`. "
            "Default: `task` if you give a "
            "task, else `project` if you give a project, else `global`."
        ),
    )
    project: NewName | None = Field(default=None, description="The project that it belongs to.")
    task: NewName | None = Field(
        default=None,
        description="The task that it belongs to, inside the project.",
    )
    entity: NewName | None = Field(default=None, description="The person or thing that it is about.")
    author: NewName | None = Field(default=None, description="The person who said or decided it.")
    session: NewName | None = Field(
        default=None,
        description="The session or conversation it comes from.",
    )
    occurred_at: Moment | None = Field(default=None, description="When it happened, if that is not now. ISO 8601.")
    expires_at: End = Field(
        default=None,
        description="The time from which it is no longer recalled. ISO 8601.",
    )
    linkages: Linkages = Field(default=[], description="Links to memories and files.")
    supersedes: SupersededIds = Field(default=[], description=SUPERSEDES_FIELD)
    source: Name | None = Field(default=None, description="Its origin, for example a file or a tool.")
    metadata: Metadata = Field(default={}, description="Anything else to keep with it, as a small JSON object.")
    #: Not shown, because only an export has it.
    inferred: SkipJsonSchema[list[Inferable]] = Field(
        default=[],
        max_length=len(INFERABLE),
        description="Of author, session and occurred_at, those that were filled in before: they stay marked.",
    )

    @model_validator(mode="after")
    def _check_scope(self) -> Self:
        if problem := find_missing_place(self.scope, self.project, self.task):
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _check_count_of_links(self) -> Self:
        if len(self.linkages) + len(self.supersedes) > MOST_LINKS:
            raise ValueError(f"supersedes and linkages are at most {MOST_LINKS} links together")
        return self

    def to_memory(self, memory_id: str, now: datetime) -> Memory:
        """Return the memory that is to be stored. Every field of a new memory but `supersedes` is one of the memory."""
        given: dict[str, Any] = {name: getattr(self, name) for name in NewMemory.model_fields if name != "supersedes"}
        given["linkages"] = list(dict.fromkeys([*self.linkages, *link_to_superseded(self.supersedes)]))
        given["type"] = self.type or DEFAULT_TYPE
        given["tags"] = list(dict.fromkeys(self.tags))
        given["inferred"] = [name for name in INFERABLE if name in self.inferred and given[name] is not None]
        given["scope"] = self.scope or ("task" if self.task else "project" if self.project else "global")
        return Memory(
            **given,
            id=memory_id,
            created_at=now,
            updated_at=now,
            relevance=1.0,
            access_count=0,
            last_accessed_at=None,
            consolidated=0,
            consolidated_into=None,
        )


def find_expiry_notice(stored: Sequence[Memory], now: datetime) -> str | None:
    """Return the notice that memories were stored with an end in the past; None if none was."""
    ended = sum(memory.expires_at is not None and memory.expires_at <= now for memory in stored)
    if not ended:
        return None
    which = "This memory has" if len(stored) == 1 else f"{ended} of these memories have"
    return f"{which} an expires_at in the past: stored, but never recalled."


class StoreMemory(NewMemory, InWorkspace, InTimeZone):
    """The arguments of `store_memory`."""

    #: Not shown, because a model cannot send a file: programs do, as docs/memento.md describes.
    images: SkipJsonSchema[NewImages] = Field(default=[], description="Up to 5 pictures to keep with it.")


class MemoryRef(InWorkspace):
    """The memory that a call is about."""

    id: Id = Field(description="The memory's id.")


class PastArgs(BaseModel):
    """The arguments that bring replaced memories back."""

    as_of: AsOf | None = Field(default=None, description="What was known at this time: 2026-10-01 (to its end, UTC).")
    include_superseded: bool = Field(
        default=False, description="Whether memories come that newer ones replaced; they have `superseded_by`."
    )

    @property
    def past(self) -> Past | None:
        """What is asked for of the past; None if nothing is."""
        is_asked = self.as_of is not None or self.include_superseded
        return Past(self.as_of, self.include_superseded) if is_asked else None


def find_future_notice(past: Past | None, now: datetime) -> str | None:
    """Return the notice that a time to be shown has not come yet; None if it has."""
    is_future = past is not None and past.as_of is not None and past.as_of > now
    return "as_of is in the future: this is what holds now." if is_future else None


class FilteredMemory(Protocol):
    """A memory to which filters are applied: a stored one, or one as recall answers it."""

    type: str
    tags: list[str]


def _has_values(memory: FilteredMemory, values: Mapping[str, str]) -> bool:
    return all(getattr(memory, name) == value for name, value in values.items())


class Facets(BaseModel):
    """The filters of lists and of recall."""

    type: Words = Field(default=[], description="Only these types.")
    tags: Words = Field(default=[], description="Only memories with one of these tags.")
    scope: Scope | None = Field(default=None, description="Only memories of this scope.")
    project: Name | None = Field(
        default=None, description="Memories of this project and, unless `scope` is given, global ones too."
    )
    task: Name | None = Field(
        default=None,
        description="Memories of this task and, unless `scope` is given, those of its `project` and global ones too.",
    )
    entity: Name | None = Field(default=None, description="Only memories about this.")
    author: Name | None = Field(default=None, description="Only memories by this author.")
    session: Name | None = Field(
        default=None,
        description="Only memories of this session.",
    )

    def list_exact_filters(self) -> dict[str, str]:
        """Return the values that must be equal, by field.

        A project and a task are among them only with a scope, because wider memories hold in them as well.
        """
        names = ("scope", "entity", "author", "session", *(("project", "task") if self.scope else ()))
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def list_tiers(self) -> list[Tier]:
        """Return the tiers that are seen from the project or the task; none if all memories are, or with a scope."""
        return list_tiers(self.project, self.task) if self.scope is None else []

    def admits(self, memory: FilteredMemory) -> bool:
        """Whether the filters let a memory through."""
        wanted, tags = {tag.lower() for tag in self.tags}, {tag.lower() for tag in memory.tags}
        tiers = self.list_tiers()
        return (
            _has_values(memory, self.list_exact_filters())
            and (not tiers or any(_has_values(memory, each) for each in tiers))
            and (not self.type or memory.type in self.type)
            and (not wanted or not wanted.isdisjoint(tags))
        )

    def to_listing(self, limit: int, past: Past | None = None) -> Listing:
        """Return the listing of the newest memories that pass the filters."""
        return Listing(
            past=past,
            limit=limit,
            types=self.type,
            tags=self.tags,
            equal=self.list_exact_filters(),
            tiers=self.list_tiers(),
        )
