"""Golden cases: the memories that recall must, or must not, return for a query. A workspace's owner adds them."""

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
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.answers import Answer, build_meta
from tools.core.arguments import InWorkspace
from tools.core.call import Call, ensure_workspace
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.recall.model import RecallRequest
from tools.recall.pipeline import recall

CASES = 500
#: The lowest rank at which a memory is looked for.
DEEPEST = 100

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


@dataclass(frozen=True, slots=True)
class RankedMemory:
    """A memory that recall returned, and its score."""

    memory_id: str
    content: str
    score: float


#: Ranks the memories for a query: at most so many, best first.
RankMemories = Callable[[str, int], Awaitable[list[RankedMemory]]]


class AddGolden(InWorkspace):
    """The arguments of `add_golden`."""

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
    def _check_one_memory_is_meant(self) -> Self:
        if (self.memory_id is None) == (self.text is None):
            raise ValueError("send memory_id or text, and not both, to say which memory is meant")
        return self


class GoldenRef(InWorkspace):
    """The arguments of `delete_golden`."""

    id: Id = Field(description="The case's id.")


class GoldenCase(BaseModel):
    """One case."""

    id: str = Field(description="The case's id.")
    query: str = Field(description="The query.")
    memory_id: str | None = Field(default=None, description="The id of the memory, if the case names one.")
    text: str | None = Field(default=None, description="A part of the memory's content, if the case names no id.")
    expect: Expect = Field(description="Whether it must be recalled, or must not.")
    within: int = Field(description="The memory counts as recalled if it is among this many first ones.")
    note: str | None = Field(default=None, description="The reason for the case.")


class PinnedCase(GoldenCase):
    """One case as it is stored."""

    created_at: Timestamp = Field(description="When it was added.")
    created_by: str = Field(description="The id of the user who added it.")


class AddedGolden(PinnedCase, Answer):
    """The new case."""


class GoldenList(Answer):
    """A workspace's cases."""

    cases: list[PinnedCase] = Field(description="The cases, oldest first.")


class DeletedGolden(Answer):
    """The case that was deleted."""

    id: str = Field(description="The case's id.")
    deleted: Literal[True] = Field(default=True, description="The case was deleted.")


class TriedCase(GoldenCase):
    """One case, and its result."""

    passed: bool = Field(description="Whether recall did as the case expects.")
    rank: int | None = Field(
        default=None, description=f"The memory's rank, 1 for the best; null: not among the first {DEEPEST}."
    )
    score: float | None = Field(default=None, description="Its score in this ranking, as `search` gives it.")


class GoldenReport(Answer):
    """The results of all cases."""

    passed: int = Field(description="The number of cases that passed.")
    failed: int = Field(description="The number of cases that failed.")
    cases: list[TriedCase] = Field(description="The result of each case, oldest first.")


async def run_cases(
    cases: Iterable[Case], rank_memories: RankMemories, progress: Progress | None = None
) -> list[TriedCase]:
    """Try the cases one after the other; each takes one ranking of `DEEPEST` memories."""
    wanted = list(cases)
    tried: list[TriedCase] = []
    for case in wanted:
        tried.append(judge_case(case, await rank_memories(case.query, DEEPEST)))
        if progress is not None:
            await progress(len(tried), len(wanted))
    return tried


def judge_case(case: Case, ranked: Iterable[RankedMemory]) -> TriedCase:
    """Compare a case with a ranking, best memory first. If several memories are meant, the best one counts."""
    found = next(((rank, each) for rank, each in enumerate(ranked, start=1) if _is_meant(case, each)), None)
    rank, score = (None, None) if found is None else (found[0], found[1].score)
    is_there = rank is not None and rank <= case.within
    shown = {name: getattr(case, name) for name in GoldenCase.model_fields}
    return TriedCase(**shown, passed=is_there == (case.expect == "recalled"), rank=rank, score=score)


def _is_meant(case: Case, memory: RankedMemory) -> bool:
    if case.text is None:
        return memory.memory_id == case.memory_id
    return case.text.casefold() in memory.content.casefold()


async def check_cases(
    services: Services, workspace: Workspace | MissingWorkspace, progress: Progress | None = None
) -> GoldenReport:
    """Try all cases of a workspace. Nothing that is recalled counts as used.

    Raises:
        Failure: `unavailable` if the search store is down.
    """
    cases: list[Case] = []
    if isinstance(workspace, Workspace):
        async with services.db.read() as connection:
            cases = await golden.list_cases(connection, workspace.id)
    tried = await run_cases(cases, partial(_rank_memories, services, workspace), progress)
    passed = sum(each.passed for each in tried)
    meta = build_meta(workspace, None if services.encoder.is_ready or not tried else services.encoder.notice)
    return GoldenReport(meta=meta, passed=passed, failed=len(tried) - passed, cases=tried)


async def _rank_memories(
    services: Services, workspace: Workspace | MissingWorkspace, query: str, limit: int
) -> list[RankedMemory]:
    found = await recall(services, workspace, RecallRequest(message=query, limit=limit, counts_as_use=False))
    return [RankedMemory(each.memory.id, each.memory.content, round(each.ranked.score, 3)) for each in found.matches]


async def run_golden(services: Services, call: Call, args: InWorkspace) -> GoldenReport:  # noqa: ARG001 - a handler's signature
    """Try all cases of the workspace, one recall after the other. Each counts against the caller's rate limit.

    Raises:
        Failure: `unavailable` if the search store is down.
    """
    report = await check_cases(services, call.workspace)
    services.rate_limit.note_work(call.principal.credential_id, len(report.cases) - 1)
    return report


async def add_golden(services: Services, call: Call, args: AddGolden) -> AddedGolden:
    """Add a case; a missing workspace is made.

    Raises:
        Failure: `invalid` if the memory does not exist, `conflict` if the workspace already has `CASES` cases.
    """
    now = services.now()
    given: dict[str, Any] = {name: getattr(args, name) for name in GoldenCase.model_fields if name != "id"}
    case = Case(id=new_id(now), created_at=now, created_by=call.principal.user_id, **given)
    async with services.db.write() as connection:
        call = await ensure_workspace(connection, services, call)
        workspace = call.workspace.id
        count = await golden.count_cases(connection, workspace)
        if count >= CASES:
            raise Failure("conflict", f"A workspace has at most {CASES} golden cases. Delete one that is not needed.")
        if case.memory_id is not None and not await memories.find_existing_ids(connection, workspace, [case.memory_id]):
            message = f"memory_id: there is no memory {case.memory_id!r} in this workspace."
            raise Failure("invalid", message, field="memory_id")
        await golden.insert_case(connection, workspace, case)
    return AddedGolden.model_validate(asdict(case) | {"meta": call.meta})


async def list_golden(services: Services, call: Call, args: InWorkspace) -> GoldenList:  # noqa: ARG001 - a handler's signature
    """List all cases of the workspace, at most `CASES`."""
    async with services.db.read() as connection:
        cases = await golden.list_cases(connection, call.id_for_reading)
    return GoldenList(meta=call.meta, cases=[PinnedCase.model_validate(asdict(case)) for case in cases])


async def delete_golden(services: Services, call: Call, args: GoldenRef) -> DeletedGolden:
    """Delete a case for good.

    Raises:
        Failure: `not_found` if this workspace has no such case.
    """
    async with services.db.write() as connection:
        if not await golden.delete_case(connection, call.id_for_reading, args.id):
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
        is_listed=False,
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
        is_listed=False,
    ),
    Operation(
        name="delete_golden",
        description="Delete one golden case of the workspace by its id; the memory that it names stays.",
        routes=(("DELETE", "/v1/golden/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=GoldenRef,
        returns=DeletedGolden,
        handler=delete_golden,
        is_listed=False,
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
        is_listed=False,
    ),
)
