"""The pipeline of recall: what matters for a message, by words and by meaning, and why.

question → candidates of both arms, one round trip for each workspace → gate → fusion and nudges over all of them →
skip list, near-duplicates, room. The operations that recall (`search`, `context`, `explain`) all go through `recall`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from server.errors import unavailable
from server.memory import gate
from server.memory.packing import Budget, Duplicates
from server.memory.ranking import Candidate, Ranked, rank
from server.memory.skip import SkipEntry, matches, speaks_against
from server.store.record import skip_list
from server.store.record.workspaces import Workspace
from server.store.search.seam import EngineDown
from tools.core.operation import Call
from tools.core.services import Services
from tools.memories.arguments import Facets
from tools.recall.model import MatchedMemory
from tools.recall.peek import peekable_workspaces
from tools.recall.reranking import reranked
from tools.recall.workspace_search import CANDIDATES, Searched, search_workspace

Ranking = Literal["keyword", "hybrid", "recent"]
Reason = Literal["expired", "gate", "threshold", "skip_list", "duplicate", "budget", "rank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be recalled, and how much of it."""

    message: str
    facets: Facets = field(default_factory=Facets)
    limit: int = 10
    max_tokens: int | None = None
    #: Whether this counts as a use of the memories it finds.
    track: bool = True
    #: Whether what was left out is told, too.
    explain: bool = False
    peek: Sequence[str] = ()
    #: How many candidates each arm is asked for, at least.
    depth: int = CANDIDATES
    #: Whether the meaning is left out, and only the words count.
    words_only: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A memory that is answered, and what the skip list says of it."""

    ranked: Ranked
    memory: MatchedMemory
    workspace: Workspace
    skipped_by: tuple[SkipEntry, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate that is not answered, and why; `by` names the memory or entry that is in its way."""

    id: str
    reason: Reason
    ranked: Ranked | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a recall found, best first."""

    matches: list[Match]
    terms: list[str]
    ranking: Ranking
    skip_matches: list[SkipEntry] = field(default_factory=list[SkipEntry])
    withheld: int = 0
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])
    #: What was searched: the call's own workspace first, then those peeked into.
    searched: list[Searched] = field(default_factory=list[Searched])
    notice: str | None = None

    @property
    def peeked(self) -> list[str]:
        """The names of the workspaces that were looked into as well."""
        return [each.workspace.name for each in self.searched[1:]]


async def recall(services: Services, call: Call, asked: Asked) -> Recalled:
    """Rank memories for a message: one round trip to the search store for each workspace, none to a model but ours.

    Raises:
        Failure: `unavailable` where the search store is down.
    """
    now = services.now()
    places = [call.workspace, *await peekable_workspaces(services, call, asked.peek)]
    at_least = call.workspace.settings.recall_threshold
    searched = await _search(services, places, asked)
    entries = await skip_list.look_up_live(services.db, call.workspace.id, now) if call.workspace.exists else []
    candidates, left_out = gated(searched, at_least)
    alpha, spans = call.workspace.settings.recall_alpha, searched[0].question.spans(now)
    ranked = rank(candidates, alpha=alpha, now=now, spans=spans)
    ranked = await reranked(services, asked.message, ranked, searched)
    chosen, withheld = _choose(ranked, searched, entries, call.workspace, asked, left_out)
    if asked.track:
        _note(services, chosen)
    is_hybrid = searched[0].is_hybrid
    waits = not is_hybrid and call.workspace.exists
    return Recalled(
        matches=chosen,
        terms=searched[0].question.shown,
        ranking="hybrid" if is_hybrid else "keyword",
        skip_matches=matches(entries, asked.message),
        withheld=withheld,
        left_out=left_out if asked.explain else [],
        searched=searched,
        notice=services.encoder.notice if waits else None,
    )


async def _search(services: Services, places: Sequence[Workspace], asked: Asked) -> list[Searched]:
    """What the arms find, place by place. What cannot pass the gate is read only where it is to be explained."""
    depth = max(asked.depth, asked.limit)
    how = {"is_explained": asked.explain, "is_words_only": asked.words_only}
    try:
        return [await search_workspace(services, each, asked.message, asked.facets, depth, **how) for each in places]
    except EngineDown:
        raise unavailable("search store") from None


def gated(searched: Sequence[Searched], at_least: float) -> tuple[list[Candidate], list[LeftOut]]:
    """The candidates that have to do with the query at all, workspace by workspace, and those that have not."""
    passed: list[Candidate] = []
    left_out: list[LeftOut] = []
    for each in searched:
        left_out += [LeftOut(gone, "expired") for gone in each.expired]
        best = max((candidate.evidence for candidate in each.candidates), default=0.0)
        is_answer = best >= max(gate.threshold(each.total), at_least)
        for candidate in each.candidates:
            if is_answer and candidate.evidence >= max(gate.COMPANY, at_least):
                passed.append(candidate)
            else:
                is_set = candidate.evidence < at_least
                left_out.append(LeftOut(candidate.id, "threshold" if is_set else "gate"))
    return passed, left_out


def _choose(
    ranked: Sequence[Ranked],
    searched: Sequence[Searched],
    entries: Sequence[SkipEntry],
    own: Workspace,
    asked: Asked,
    left_out: list[LeftOut],
) -> tuple[list[Match], int]:
    """The best that say something new, are not to be skipped, and fit; and how many the skip list withheld."""
    homes = {candidate.id: each for each in searched for candidate in each.candidates}
    seen, budget, chosen, withheld = Duplicates(), Budget(asked.max_tokens), list[Match](), 0
    for place, each in enumerate(ranked):
        if len(chosen) == asked.limit:
            left_out += [LeftOut(rest.id, "rank", rest) for rest in ranked[place:]]
            break
        home = homes[each.id]
        memory = home.memory(each.id)
        against = tuple(entry for entry in entries if speaks_against(entry, memory.content))
        if against and own.settings.skip_enforcement == "withhold":
            withheld += 1
            left_out.append(LeftOut(each.id, "skip_list", each, against[0].id))
        elif (same := seen.of(each.id, memory.content)) is not None:
            left_out.append(LeftOut(each.id, "duplicate", each, same))
        elif not budget.take(memory.content):
            left_out.append(LeftOut(each.id, "budget", each))
        else:
            chosen.append(Match(each, memory, home.workspace, against))
    return chosen, withheld


def _note(services: Services, chosen: Sequence[Match]) -> None:
    used: dict[str, list[tuple[str, int]]] = {}
    for each in chosen:
        used.setdefault(each.workspace.id, []).append((each.memory.id, each.ranked.candidate.traits.access_count))
    for workspace_id, some in used.items():
        services.accesses.note(workspace_id, some)
