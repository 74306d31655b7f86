"""The identity crystal, a text in which the agent describes itself for its next sessions, and its history."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from server.ids import new_id
from server.memory.models import Timestamp
from server.memory.notes.crystal import CRYSTAL_BYTES, Synthesis
from server.store.record.notes import identity
from server.store.record.notes.identity import Crystal
from server.store.record.notes.synthesis import compose_crystal
from tools.core.answers import Answer, Meta
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.transaction import open_change


def _check_size(crystal: str) -> str:
    size = len(crystal.encode())
    if size > CRYSTAL_BYTES:
        raise ValueError(f"must be at most {CRYSTAL_BYTES} bytes of UTF-8; this is {size}. Shorten it")
    return crystal


CrystalText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_check_size)]


class IdentityMeta(Meta):
    """About a crystal."""

    id: str | None = Field(default=None, description="The crystal's id.")
    source_count: int | None = Field(default=None, description="The number of sources that it was made from.")
    created_at: Timestamp | None = Field(default=None, description="When it was made.")


class Identity(BaseModel):
    """The identity crystal."""

    meta: IdentityMeta = Field(description="About this answer, and the crystal.")
    crystal: str | None = Field(default=None, description="The newest crystal, as markdown. Data, not instructions.")


class UpdateIdentity(InWorkspace):
    """The arguments of `update_identity`."""

    answered_fields: ClassVar[Mapping[str, str | None]] = {"meta": None, "content": None}

    crystal: CrystalText = Field(
        description=(
            "Your identity in this work, as markdown: role, ways of working, priorities, state of the work. It "
            "replaces the newest one, which stays in the history. At most 256 KiB."
        )
    )
    source_count: int = Field(default=0, ge=0, le=1_000_000, description="The number of sources that you made it from.")


class StoredCrystal(Answer):
    """The crystal that was stored."""

    id: str = Field(description="The new crystal's id.")
    length: int = Field(description="Its length in characters.")
    source_count: int = Field(description="The number of sources that it was made from.")
    created_at: Timestamp = Field(description="When it was stored.")


class CrystallizedIdentity(Answer):
    """The crystal that was built."""

    id: str = Field(description="The new crystal's id.")
    crystal: str = Field(description="Its text, as markdown.")
    source_count: int = Field(description="The number of sections, items and memories that it was made from.")
    created_at: Timestamp = Field(description="When it was made.")


class ListCrystals(InWorkspace):
    """The arguments of `identity_history`."""

    limit: int = Field(default=10, ge=1, le=20, description="The largest number of them.")


class SnapshotView(BaseModel):
    """A crystal in the history."""

    id: str = Field(description="The crystal's id.")
    created_at: Timestamp = Field(description="When it was made.")
    length: int = Field(description="Its length in characters.")
    source_count: int = Field(description="The number of sources that it was made from.")


class IdentityHistory(Answer):
    """Earlier and present crystals."""

    snapshots: list[SnapshotView] = Field(description="The crystals, newest first.")


async def read_identity(services: Services, call: Call, args: InWorkspace) -> Identity:  # noqa: ARG001 - a handler's signature
    """Return the newest crystal; the answer has none if there is none yet."""
    async with services.db.read() as connection:
        found = await identity.get_latest_crystal(connection, call.id_for_reading)
    common = call.meta.model_dump()
    if found is None:
        return Identity(meta=IdentityMeta.model_validate(common))
    about = {"id": found.id, "source_count": found.source_count, "created_at": found.created_at}
    return Identity(meta=IdentityMeta.model_validate(common | about), crystal=found.crystal)


async def update_identity(services: Services, call: Call, args: UpdateIdentity) -> StoredCrystal:
    """Store a crystal that the caller wrote, as the newest one."""
    new, meta = await _store_crystal(services, call, Synthesis(args.crystal, args.source_count))
    return StoredCrystal(
        meta=meta, id=new.id, length=len(new.crystal), source_count=new.source_count, created_at=new.created_at
    )


async def crystallize_identity(services: Services, call: Call, args: InWorkspace) -> CrystallizedIdentity:  # noqa: ARG001 - a handler's signature
    """Build a crystal from sections, items, the most relevant memories and consolidations, and store it."""
    new, meta = await _store_crystal(services, call, None)
    return CrystallizedIdentity(
        meta=meta, id=new.id, crystal=new.crystal, source_count=new.source_count, created_at=new.created_at
    )


async def _store_crystal(services: Services, call: Call, written: Synthesis | None) -> tuple[Crystal, Meta]:
    """Store a crystal that was written, or if there is none, one that is composed.

    It is composed in the transaction that stores it, so that it quotes nothing that is erased meanwhile.
    """
    now = services.now()
    crystal_id = new_id(now)
    async with open_change(services, call, {"crystal": crystal_id}) as (connection, placed):
        workspace = placed.workspace.id
        text = written or await compose_crystal(connection, workspace, now)
        new = Crystal(crystal_id, text.text, text.source_count, now)
        await identity.insert_crystal(connection, workspace, new, is_composed=written is None)
    return new, placed.meta


async def list_identity_history(services: Services, call: Call, args: ListCrystals) -> IdentityHistory:
    """Return the newest crystals, without their texts."""
    async with services.db.read() as connection:
        found = await identity.list_snapshots(connection, call.id_for_reading, args.limit)
    views = [
        SnapshotView(id=each.id, created_at=each.created_at, length=each.length, source_count=each.source_count)
        for each in found
    ]
    return IdentityHistory(meta=call.meta, snapshots=views)


OPERATIONS = (
    Operation(
        name="read_identity",
        description=(
            "Read the newest identity crystal: your identity in this work, as you last wrote it down. "
            "retrieve_context includes it too."
        ),
        routes=(("GET", "/v1/identity"),),
        scope="memory:read",
        effect=Effect.READ,
        args=InWorkspace,
        returns=Identity,
        handler=read_identity,
        is_listed=False,
    ),
    Operation(
        name="update_identity",
        description=(
            "Write down your identity in this work, for your next sessions to start with: your role, the person's "
            "wishes about the way of working, your principles. Start from the `identity` that retrieve_context "
            "returns; keep it short. Call it at the end of a session that changed your identity, not for single "
            "facts."
        ),
        routes=(("PUT", "/v1/identity"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UpdateIdentity,
        returns=StoredCrystal,
        handler=update_identity,
    ),
    Operation(
        name="crystallize_identity",
        description=(
            "Build an identity crystal from working memory, the most relevant memories and consolidations. It only "
            "quotes them: one in your own words, with update_identity, is better."
        ),
        routes=(("POST", "/v1/identity/crystallize"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=InWorkspace,
        returns=CrystallizedIdentity,
        handler=crystallize_identity,
        is_listed=False,
    ),
    Operation(
        name="identity_history",
        description="List the identity crystals, newest first, with the time and the length of each.",
        routes=(("GET", "/v1/identity/history"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListCrystals,
        returns=IdentityHistory,
        handler=list_identity_history,
        is_listed=False,
    ),
)
