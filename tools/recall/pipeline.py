"""The pipeline of recall: find the memories that matter for a message, by words and by meaning.

question → candidates of both arms, one round trip for each workspace → gate → fusion and nudges over all of them →
skip list, near-duplicates, room. The operations that recall (`search`, `context`, `explain`) all go through `recall`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from server.errors import make_unavailable_failure
from server.memory.corrections.leading import find_replacements, lead_newer
from server.memory.notes.skip import SkipEntry, covers_text, find_matches
from server.memory.recall import gate
from server.memory.recall.packing import Duplicates, Packing
from server.memory.recall.ranking import Candidate, RankedCandidate, rank
from server.memory.recall.time_question import read_time_question
from server.memory.settings import WorkspaceSettings
from server.memory.speaker import find_speaker
from server.store.record.notes import skip_list
from server.store.record.recall.recalled import RecalledMemory
from server.store.record.workspaces import MissingWorkspace, Workspace
from server.store.search.seam import EngineDown
from tools.core.services import Services
from tools.memories.arguments import find_future_notice
from tools.recall.cutting import cut_matches
from tools.recall.interactions import add_interactions
from tools.recall.model import CandidateMemories, LeftOut, Match, RecallRequest, RecallResult, SearchedWorkspace
from tools.recall.reranking import rerank
from tools.recall.time_list import list_by_time, rank_by_time
from tools.recall.workspace_search import make_question, search_workspace

SPARE = 5
"""The memories that are read beyond the limit, as some may turn out to be duplicates."""


async def recall(
    services: Services,
    workspace: Workspace | MissingWorkspace,
    request: RecallRequest,
    *,
    others: Sequence[Workspace] = (),
) -> RecallResult:
    """Rank the memories of a workspace for a message, and those of other workspaces with them.

    The caller has made sure that all these workspaces may be read: see `find_peekable_workspaces`. The settings and the
    skip list are those of `workspace`. Takes one round trip to the search store for each workspace that exists.

    Raises:
        Failure: `unavailable` if the search store is down.
    """
    with services.observer.watch("recall", "whole"):
        return await _recall(services, workspace, request, others)


async def _recall(
    services: Services, workspace: Workspace | MissingWorkspace, request: RecallRequest, others: Sequence[Workspace]
) -> RecallResult:
    now, settings = services.now(), workspace.settings
    own, entries = None, list[SkipEntry]()
    if isinstance(workspace, Workspace):
        entries = await skip_list.list_live_entries(services.db, workspace.id, now)
        asked = read_time_question(request.message, now, request.zone) if request.may_list else None
        if asked is not None and (own := await list_by_time(services, workspace, request, asked)) is not None:
            lists = [await list_by_time(services, each, request, asked) for each in others]
            return await _answer_list(services, workspace, request, [own, *filter(None, lists)], entries)
        own = await _search(services, workspace, request)
    searched = [] if own is None else [own]
    searched += [await _search(services, each, request) for each in others]
    question = make_question(request.message, settings) if own is None else own.question
    with services.observer.watch("recall", "ranking"):
        searched = await add_interactions(services.db, searched)
        own = None if own is None else searched[0]
        candidates, gated_out = apply_gate(searched, settings.recall_threshold, is_gated=request.is_gated)
        memories = CandidateMemories(services.db, searched, request.past)
        ranked = rank(candidates, alpha=settings.recall_alpha, now=now, spans=question.find_spans(now))
        ranked = await rerank(services, request.message, ranked, memories)
        replaced = await _find_replacements(ranked, memories, request)
        choice = await _choose_matches(lead_newer(ranked, replaced), memories, entries, settings, request, replaced)
    matches = choice.matches if request.max_tokens is None else await cut_matches(choice.matches, choice.rooms)
    if request.counts_as_use:
        note_accesses(services, workspace, matches)
    return RecallResult(
        matches=matches,
        terms=question.shown_words,
        ranked_by="hybrid" if own is not None and own.is_hybrid else "keyword",
        own=own,
        other_workspaces=[each.name for each in others],
        skip_matches=find_matches(entries, request.message),
        left_out=[*gated_out, *choice.left_out] if request.is_explained else choice.missing,
        withheld=choice.withheld,
        notice=_join(_write_notice(services, own), find_future_notice(request.past, now)),
    )


async def _answer_list(
    services: Services,
    workspace: Workspace,
    request: RecallRequest,
    searched: list[SearchedWorkspace],
    entries: Sequence[SkipEntry],
) -> RecallResult:
    """Return the answer to a question about a time alone: the newest of the lists of workspaces, the own one first."""
    memories = CandidateMemories(services.db, searched, request.past)
    ranked = rank_by_time(searched)
    replaced = await _find_replacements(ranked, memories, request)
    choice = await _choose_matches(ranked, memories, entries, workspace.settings, request, replaced)
    matches = choice.matches if request.max_tokens is None else await cut_matches(choice.matches, choice.rooms)
    if request.counts_as_use:
        note_accesses(services, workspace, matches)
    return RecallResult(
        matches=matches,
        terms=[],
        ranked_by="recent",
        own=searched[0],
        other_workspaces=[each.workspace.name for each in searched[1:]],
        skip_matches=find_matches(entries, request.message),
        left_out=choice.left_out if request.is_explained else choice.missing,
        withheld=choice.withheld,
        notice=find_future_notice(request.past, services.now()),
    )


def _write_notice(services: Services, own: SearchedWorkspace | None) -> str | None:
    """Return what the caller should know about the search of the own workspace; None if there is nothing."""
    if own is None:
        return None
    notices = [] if own.is_hybrid else [own.unread or services.encoder.notice]
    if (gaps := services.projection.explain_gaps(own.workspace.id)) is not None:
        notices.append(f"Memories may be missing: {gaps}.")
    return " ".join(notices) or None


def _join(*notices: str | None) -> str | None:
    return " ".join(each for each in notices if each) or None


async def _search(services: Services, workspace: Workspace, request: RecallRequest) -> SearchedWorkspace:
    try:
        return await search_workspace(services, workspace, request)
    except EngineDown:
        raise make_unavailable_failure("search store") from None


def apply_gate(
    searched: Sequence[SearchedWorkspace], at_least: float, *, is_gated: bool = True
) -> tuple[list[Candidate], list[LeftOut]]:
    """Divide the candidates into those that are sure enough to fit the message and those that are not.

    Each workspace is judged for itself: if its best candidate is not sure enough, none of its candidates passes.
    Without the gate, `at_least` alone decides.
    """
    company = gate.COMPANY if is_gated else 0.0
    passed: list[Candidate] = []
    left_out: list[LeftOut] = []
    for each in searched:
        left_out += [LeftOut(expired, "expired") for expired in each.expired]
        best = max((candidate.evidence for candidate in each.candidates), default=0.0)
        needed = each.needed_evidence if is_gated else 0.0
        is_answer = best >= max(needed, at_least)
        for candidate in each.candidates:
            if is_answer and candidate.evidence >= max(company, at_least):
                passed.append(candidate)
            else:
                is_below_setting = candidate.evidence < at_least
                left_out.append(LeftOut(candidate.id, "threshold" if is_below_setting else "gate"))
    return passed, left_out


class _Choice(NamedTuple):
    matches: list[Match]
    #: The room of each match in bytes; None if it is whole.
    rooms: list[int | None]
    left_out: list[LeftOut]
    #: Those of `left_out` that rank among the first `limit`, without the withheld ones.
    missing: list[LeftOut]
    withheld: int


async def _find_replacements(
    ranked: Sequence[RankedCandidate], memories: CandidateMemories, request: RecallRequest
) -> dict[str, str]:
    """Return which of the best memories may replace which others: the older one's id → the newer one's."""
    best = [each.id for each in ranked[: request.limit + SPARE]]
    await memories.read_memories(best)
    return find_replacements([memory for each in best if (memory := memories.get_memory(each)) is not None])


async def _choose_matches(
    ranked: Sequence[RankedCandidate],
    memories: CandidateMemories,
    entries: Sequence[SkipEntry],
    settings: WorkspaceSettings,
    request: RecallRequest,
    replaced: Mapping[str, str],
) -> _Choice:
    """Choose the best memories that say something new, that the skip list does not withhold, and that fit.

    Of memories that say different things about the same, the newest leads.
    """
    seen, packing = Duplicates(), Packing(request.max_tokens)
    chosen: list[Match] = []
    left_out: list[LeftOut] = []
    withheld = 0
    least = request.least_share * max((each.score for each in ranked), default=0.0)
    enough = sum(each.score >= least for each in ranked)
    for place, each in enumerate(ranked):
        if len(chosen) == request.limit or place == enough:
            left_out += [LeftOut(rest.id, "rank", rest) for rest in ranked[place:] if request.is_explained]
            break
        if not memories.was_read(each.id):
            await memories.read_memories(rest.id for rest in ranked[place : min(place + request.limit + SPARE, enough)])
        memory = memories.get_memory(each.id)
        if memory is None:
            continue
        if request.is_admitted is not None and not await request.is_admitted(memory):
            left_out.append(LeftOut(each.id, "scope", each))
            continue
        against = tuple(entry for entry in entries if covers_text(entry, memory.content))
        if against and settings.skip_enforcement == "withhold":
            withheld += 1
            left_out.append(LeftOut(each.id, "skip_list", each, against[0].id))
        elif (same := seen.find_earlier(each.id, memory.content, get_record(memory))) is not None:
            left_out.append(LeftOut(each.id, "duplicate", each, same))
        elif request.is_known is not None and request.is_known(memory):
            left_out.append(LeftOut(each.id, "told", each))
        elif not packing.add(memory.content):
            left_out.append(LeftOut(each.id, "budget", each))
        else:
            chosen.append(Match(each, memory, memories.get_home(each.id), against, replaced_by=replaced.get(each.id)))
    among_first = {each.id for each in ranked[: request.limit + withheld]}
    missing = [each for each in left_out if each.id in among_first and each.reason in {"duplicate", "told", "budget"}]
    return _Choice(chosen, packing.share_rest(), left_out, missing, withheld)


def get_record(memory: RecalledMemory) -> tuple[object, ...]:
    """Return the facts beside a text that make it another memory: when it happened, who said it, and about what."""
    speaker = find_speaker(memory.author, memory.inferred, memory.content)
    return memory.occurred_at, speaker, memory.entity, memory.project


def note_accesses(services: Services, own: Workspace | MissingWorkspace, chosen: Sequence[Match]) -> None:
    """Count the use of the memories of the caller's workspace. Nothing is written to the others."""
    if isinstance(own, Workspace):
        mine = [each for each in chosen if each.home.workspace.id == own.id]
        used = [each.memory.id for each in mine]
        services.accesses.note(own.id, used)
