"""From an item of a file to a memory that can be stored, or to the reason why it cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.memory.imports.item import Item, Refusal, digest_key
from server.memory.models import Inferable, Memory
from server.memory.settings import CredentialRule
from server.names import clean_name
from server.storable import make_storable
from tools.core.fields import Id, Moment
from tools.core.input.refusals import list_problems
from tools.core.input.screening import list_problems as list_credentials
from tools.core.input.screening import redact, screen_here
from tools.memories.arguments import NewMemory, to_json_value

REDACTED = "Credentials were redacted before the memories were stored."
NOTICED = "Some memories look as if they held a credential. Delete those with `erase`."
_NAMES = ("project", "task", "entity", "author", "session", "source")
_LONGEST_NAME = 200


class KeptFields(BaseModel):
    """The fields of an export that only the server sets."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[Id, Field(max_length=36)]
    created_at: Moment | None = None
    updated_at: Moment | None = None
    relevance: Annotated[float, Field(ge=0, le=1)] = 1.0
    access_count: Annotated[int, Field(ge=0, le=2_000_000_000)] = 0
    last_accessed_at: Moment | None = None
    consolidated: Annotated[int, Field(ge=0, le=1)] = 0
    consolidated_into: Id | None = None
    repeats: Annotated[int, Field(ge=0, le=2_000_000_000)] = 0
    repeated_at: Moment | None = None
    buried_at: Moment | None = None
    pinned_at: Moment | None = None
    inferred: list[Inferable] = []


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that can be stored."""

    item: Item
    digest: str
    memory: NewMemory
    kept: KeptFields | None
    notice: str | None = None

    def to_memory(self, memory_id: str, now: datetime) -> Memory:
        """Return the memory, without its links to others."""
        memory = self.memory.to_memory(memory_id, now)
        if self.kept is None:
            return memory
        created = min(self.kept.created_at or now, now)
        return memory.model_copy(
            update={
                "created_at": created,
                "updated_at": min(self.kept.updated_at or created, now),
                "relevance": self.kept.relevance,
                "access_count": self.kept.access_count,
                "last_accessed_at": self.kept.last_accessed_at,
                "repeats": self.kept.repeats,
                "repeated_at": self.kept.repeated_at,
                "buried_at": self.kept.buried_at,
                "pinned_at": self.kept.pinned_at,
                "inferred": self.kept.inferred,
            }
        )


def prepare_item(item: Item, rule: CredentialRule) -> Candidate | Refusal:
    """Return an item as it can be stored, or its refusal. Credentials are treated as the workspace says.

    It takes some 0.1 ms. An event loop has it done in a thread.
    """
    try:
        memory = NewMemory.model_validate(_clean(item.values), strict=True)
        kept = KeptFields.model_validate(make_storable(dict(item.kept))) if item.kept else None
    except ValidationError as error:
        problem = list_problems(error, NewMemory)[0]
        return Refusal(item.place, f"{problem.field}: {problem.message}")
    found, notice = screen_here(memory), None
    if found.kinds and rule == "refuse":
        problem = list_credentials(found.kinds)[0]
        return Refusal(item.place, f"{problem.field}: {problem.message}")
    if found.kinds:
        notice = REDACTED if rule == "redact" else NOTICED
        memory = redact(memory, found.redacted) if rule == "redact" else memory
    return Candidate(item, digest_key(item.key), memory, kept, notice)


def _clean(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without what cannot be stored, and names without what cannot be seen: nobody here chose them."""
    cleaned: dict[str, Any] = make_storable({name: to_json_value(each) for name, each in values.items()})
    for name in _NAMES:
        if isinstance(each := cleaned.get(name), str):
            cleaned[name] = clean_name(each)[:_LONGEST_NAME].strip() or None
    if isinstance(tags := cleaned.get("tags"), list):
        words = [clean_name(each) if isinstance(each, str) else each for each in cast("list[Any]", tags)]
        cleaned["tags"] = [each for each in words if each]
    return {name: each for name, each in cleaned.items() if each is not None}
