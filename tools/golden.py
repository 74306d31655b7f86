"""Golden cases: what recall must, or must not, bring up, pinned by a workspace's owner and tried whenever one likes."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from server.errors import Failure
from server.ids import new_id
from server.memory.models import Timestamp
from server.progress import Progress
from server.store.record import golden, memories
from server.store.record.golden import Case, Expect
from tools.core.fields import Id
from tools.core.operation import Answer, Call, Effect, InWorkspace, Operation, ensure_workspace
from tools.core.services import Services
from tools.recall.pipeline import Asked, recall

CASES = 500
#: How far down the ranking a memory is looked for.
DEEPEST = 100

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


@dataclass(frozen=True, slots=True)
class Surfaced:
    """A memory that recall brought up, and its score."""

    memory_id: str
    content: str
    score: float


#: The ranking for a query, best first, at most so many.
Ranking = Callable[[str, int], Awaitable[list[Surfaced]]]


class AddGolden(InWorkspace):
    """What `add_golden` takes."""

    query: Short = Field(description="The query, as recall gets it. At most 2000 characters.")
    memory_id: Annotated[str, StringConstraints(min_length=1, max_length=36)] | None = Field(
        default=None, description="The id of the memory."
    )
    text: Short | None = Field(
        default=None, description="A part of the memory's content, in upper or lower case; in place of an id."
    )
    expect: Expect = Field(default="recalled", description="Whether it must be recalled, or must not.")
    within: int = Field(
        default=10, ge=1, le=DEEPEST, description="The memory counts as recalled if it is among this many first ones."
    )
    note: Short | None = Field(default=None, description="The reason for the case; it is shown when the case fails.")

    @model_validator(mode="after")
    def _means_one(self) -> Self:
        if (self.memory_id is None) == (self.text is None):
            raise ValueError("send memory_id or text, and not both, to say which memory is meant")
        return self


class OneGolden(InWorkspace):
    """What `delete_golden` takes."""

    id: Id = Field(description="The case's id.")


class GoldenCase(BaseModel):
    """One case."""

    id: str = Field(description="The case's id.")
    query: str = Field(description="What is asked.")
    memory_id: str | None = Field(default=None, description="The memory that is meant.")
    text: str | None = Field(default=None, description="The text that the memory which is meant has in its content.")
    expect: Expect = Field(description="Whether it must be recalled, or must not.")
    within: int = Field(description="The memory counts as recalled if it is among this many first ones.")
    note: str | None = Field(default=None, description="Why.")


class PinnedCase(GoldenCase):
    """One case as it is kept."""

    created_at: Timestamp = Field(description="When it was pinned.")
    created_by: str = Field(description="The id of the user who pinned it.")


class AddedGolden(PinnedCase, Answer):
    """The new case."""


class GoldenList(Answer):
    """A workspace's cases."""

    cases: list[PinnedCase] = Field(description="The cases, oldest first.")


class DeletedGolden(Answer):
    """The case that was deleted."""

    id: str = Field(description="The case's id.")
    deleted: Literal[True] = Field(default=True, description="It is not tried any more.")


class TriedCase(GoldenCase):
    """One case, and what came of it."""

    passed: bool = Field(description="Whether recall did what is expected.")
    rank: int | None = Field(
        default=None, description=f"Where the memory came, from 1; null: not in the first {DEEPEST}."
    )
    score: float | None = Field(default=None, description="Its score in this ranking, as `search` gives it.")


class GoldenReport(Answer):
    """What came of all cases."""

    passed: int = Field(description="How many passed.")
    failed: int = Field(description="How many failed.")
    cases: list[TriedCase] = Field(description="Each case, oldest first.")


async def run_cases(cases: Iterable[Case], ranking: Ranking, progress: Progress | None = None) -> list[TriedCase]:
    """Try each case, one after the other: one ranking each, `DEEPEST` memories long."""
    wanted = list(cases)
    tried: list[TriedCase] = []
    for case in wanted:
        tried.append(judged(case, await ranking(case.query, DEEPEST)))
        if progress is not None:
            await progress(len(tried), len(wanted))
    return tried


def judged(case: Case, ranked: Iterable[Surfaced]) -> TriedCase:
    """A case held against a ranking: of the memories that are meant, the first one counts."""
    found = next(((rank, each) for rank, each in enumerate(ranked, start=1) if _is_meant(case, each)), None)
    rank, score = (None, None) if found is None else (found[0], found[1].score)
    is_there = rank is not None and rank <= case.within
    shown = {name: getattr(case, name) for name in GoldenCase.model_fields}
    return TriedCase(**shown, passed=is_there == (case.expect == "recalled"), rank=rank, score=score)


def _is_meant(case: Case, memory: Surfaced) -> bool:
    if case.text is None:
        return memory.memory_id == case.memory_id
    return case.text.casefold() in memory.content.casefold()


async def check(services: Services, call: Call, progress: Progress | None = None) -> GoldenReport:
    """Try all cases of the workspace. Nothing that is recalled counts as used.

    Raises:
        Failure: `unavailable` where the search store is down.
    """
    async with services.db.read() as connection:
        cases = await golden.list_cases(connection, call.workspace.id)
    tried = await run_cases(cases, partial(_surfaced, services, call), progress)
    passed = sum(each.passed for each in tried)
    meta = call.noted(None if services.encoder.is_ready or not tried else services.encoder.notice)
    return GoldenReport(meta=meta, passed=passed, failed=len(tried) - passed, cases=tried)


async def _surfaced(services: Services, call: Call, query: str, limit: int) -> list[Surfaced]:
    found = await recall(services, call, Asked(message=query, limit=limit, track=False))
    return [Surfaced(each.memory.id, each.memory.content, round(each.ranked.score, 3)) for each in found.matches]


async def run_golden(services: Services, call: Call, args: InWorkspace) -> GoldenReport:  # noqa: ARG001 - a handler's signature
    """Try all cases of the workspace, one recall after the other. Raises as recall does."""
    return await check(services, call)


async def add_golden(services: Services, call: Call, args: AddGolden) -> AddedGolden:
    """Pin a case; a missing workspace is made.

    Raises `invalid` for a memory that is not there, `conflict` where there are as many as may be.
    """
    now = services.now()
    given: dict[str, Any] = {name: getattr(args, name) for name in GoldenCase.model_fields if name != "id"}
    case = Case(id=new_id(now), created_at=now, created_by=call.principal.user_id, **given)
    async with services.db.write() as connection:
        call = await ensure_workspace(connection, services, call)
        workspace = call.workspace.id
        count = await golden.count_held(connection, workspace)
        if count >= CASES:
            raise Failure("conflict", f"A workspace has at most {CASES} golden cases. Delete one that is not needed.")
        if case.memory_id is not None and not await memories.existing(connection, workspace, [case.memory_id]):
            message = f"memory_id: there is no memory {case.memory_id!r} in this workspace."
            raise Failure("invalid", message, field="memory_id")
        await golden.insert(connection, workspace, case)
    return AddedGolden.model_validate(asdict(case) | {"meta": call.meta})


async def list_golden(services: Services, call: Call, args: InWorkspace) -> GoldenList:  # noqa: ARG001 - a handler's signature
    """All cases of the workspace; there are at most `CASES`."""
    async with services.db.read() as connection:
        cases = await golden.list_cases(connection, call.workspace.id)
    return GoldenList(meta=call.meta, cases=[PinnedCase.model_validate(asdict(case)) for case in cases])


async def delete_golden(services: Services, call: Call, args: OneGolden) -> DeletedGolden:
    """Drop a case for good. Raises `not_found` for one that is not in this workspace."""
    async with services.db.write() as connection:
        if not await golden.delete(connection, call.workspace.id, args.id):
            raise Failure("not_found", f"There is no golden case {args.id}.", field="id")
    return DeletedGolden(meta=call.meta, id=args.id)


OPERATIONS = (
    Operation(
        name="add_golden",
        description=(
            "Add a golden case: a memory that recall must, or must not, return for a query. run_golden checks it."
        ),
        routes=(("POST", "/v1/golden"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=AddGolden,
        returns=AddedGolden,
        handler=add_golden,
        listed=False,
    ),
    Operation(
        name="list_golden",
        description=(
            "List the golden cases of the workspace: the memories that its recall must, and must not, return."
        ),
        routes=(("GET", "/v1/golden"),),
        scope="memory:read",
        effect=Effect.READ,
        args=InWorkspace,
        returns=GoldenList,
        handler=list_golden,
        listed=False,
    ),
    Operation(
        name="delete_golden",
        description="Delete one golden case of the workspace by its id; the memory that it names stays.",
        routes=(("DELETE", "/v1/golden/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=OneGolden,
        returns=DeletedGolden,
        handler=delete_golden,
        listed=False,
    ),
    Operation(
        name="run_golden",
        description=(
            "Check every golden case of the workspace against its recall, and report the cases that fail and by how "
            "much."
        ),
        routes=(("POST", "/v1/golden/run"),),
        scope="memory:read",
        effect=Effect.READ,
        args=InWorkspace,
        returns=GoldenReport,
        handler=run_golden,
        listed=False,
    ),
)
