"""The lines of an export beside memories: their fields with their bounds, as the operations that store them have."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.memory.models import Memory
from server.memory.notes.crystal import CRYSTAL_BYTES
from server.memory.notes.working import Category, Status
from tools.core.fields import Id, Moment, NewName, NewWord, NewWords, Prose
from tools.golden import DEEPEST, Short
from tools.notes.working_items import NextAction, Priority, Title
from tools.notes.working_memory import SectionName

_Id = Annotated[Id, Field(max_length=36)]
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Line = Annotated[str, StringConstraints(max_length=2_000)]


class _Row(BaseModel):
    """A line whose fields are those of its kind, and no others."""

    model_config = ConfigDict(extra="forbid")


class SettingLine(_Row):
    """A setting of a workspace."""

    key: str
    value: Any
    set_at: Moment


class EntityLine(_Row):
    """An entity that somebody made, named or merged."""

    name: NewName
    type: NewWord
    aliases: Annotated[list[NewName], Field(max_length=1_000)] = []


class SectionLine(_Row):
    """A section of working memory."""

    name: SectionName
    heading: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    content: Prose
    created_at: Moment
    updated_at: Moment


class ItemLine(_Row):
    """An item of working memory, also one of the skip list."""

    id: _Id
    category: Category
    title: Title
    content: Prose
    status: Status
    priority: Priority
    tags: NewWords
    next_action: NextAction | None = None
    created_at: Moment
    updated_at: Moment
    expires: _Line | None = None
    ends_at: Moment | None = None
    section_line: Prose | None = None


class CrystalLine(_Row):
    """An identity crystal."""

    id: _Id
    crystal: Annotated[str, StringConstraints(min_length=1, max_length=CRYSTAL_BYTES)]
    source_count: Annotated[int, Field(ge=0, le=1_000_000)]
    is_composed: bool = False
    created_at: Moment


class GoldenLine(_Row):
    """A golden case."""

    id: _Id
    query: Short
    memory_id: _Id | None = None
    text: Short | None = None
    expect: Literal["recalled", "not_recalled"]
    within: Annotated[int, Field(ge=1, le=DEEPEST)]
    note: Short | None = None
    created_at: Moment


class ChangeLine(_Row):
    """A change of a memory, with the memory before it, and after it if it was not deleted."""

    memory_id: _Id
    at: Moment
    operation: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,60}$")]
    before: Memory
    after: Memory | None = None


class ImageLine(_Row):
    """A picture of a memory, in base64."""

    memory_id: _Id
    filename: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    mimetype: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str


class ImportKeysLine(_Row):
    """The keys of what imports have brought: the memory of each, null if it is gone."""

    keys: Annotated[dict[_Digest, _Id | None], Field(min_length=1, max_length=1_000)]


LINES: dict[str, type[BaseModel]] = {
    "setting": SettingLine,
    "entity": EntityLine,
    "section": SectionLine,
    "item": ItemLine,
    "crystal": CrystalLine,
    "golden_case": GoldenLine,
    "change": ChangeLine,
    "image": ImageLine,
    "import_keys": ImportKeysLine,
}
