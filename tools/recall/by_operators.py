"""A search whose query has operators: a recall for each alternative, and one answer made of all of them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from server.memory.languages import Language
from server.memory.models import Memory
from server.memory.notes.skip import covers_text
from server.memory.recall.operators import Alternative
from server.memory.recall.packing import Duplicates
from server.memory.recall.question import Question
from server.memory.recall.ranking import make_listed, rank_listed
from server.store.record import memory_lists
from server.store.record.notes import skip_list
from server.store.record.recall.recalled import RecalledMemory
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.services import Services
from tools.memories.arguments import Facets
from tools.recall.model import LeftOut, Match, RecallRequest, RecallResult, SearchedWorkspace
from tools.recall.pipeline import get_record, note_accesses, recall

DEPTH = 200
"""The number of candidates that each arm is asked for if some of them will not fulfil the conditions."""
MOST_READ = 1000
"""The number of the newest memories that are looked through for a query without words, such as `-staging`."""
_PAGE = 100
#: The length, in characters, from which a text is looked through in a thread.
_LONG = 2_000
NOTHING_FITS = (
    'No memory fulfils the operators of the query ("a phrase", -word, field:value). To look for the words alone, leave '
    "them out."
)


async def recall_by_operators(
    services: Services,
    workspace: Workspace | MissingWorkspace,
    request: RecallRequest,
    alternatives: Sequence[Alternative],
) -> RecallResult:
    """Return the memories that fulfil one of the alternatives, the best of each first.

    Raises:
        Failure: `unavailable` if the search store is down.
    """
    results = [await _recall_alternative(services, workspace, request, each) for each in alternatives]
    result = _merge(results, request)
    if request.counts_as_use:
        note_accesses(services, workspace, result.matches)
    return result


async def _recall_alternative(
    services: Services, workspace: Workspace | MissingWorkspace, request: RecallRequest, alternative: Alternative
) -> RecallResult:
    facets = _narrow(request.facets, alternative)
    narrowed = replace(request, message=alternative.text, facets=facets, counts_as_use=False)
    if alternative.has_conditions:

        async def is_admitted(memory: RecalledMemory) -> bool:
            return await _admits(alternative, memory, workspace.settings.language)

        # Of the memories that have the very phrase, none is in the answer by chance: no gate is needed.
        narrowed = replace(
            narrowed,
            is_admitted=is_admitted,
            is_gated=narrowed.is_gated and not alternative.phrases,
            least_depth=DEPTH,
            least_share=0.0,
        )
    if alternative.text:
        return await recall(services, workspace, narrowed)
    return await _list_newest(services, workspace, narrowed)


def _narrow(facets: Facets, alternative: Alternative) -> Facets:
    """Return the filters, with those of the query's fields that the arguments leave open."""
    values = {name: getattr(facets, name) for name in Facets.model_fields}
    for name, value in values.items():
        wanted = alternative.list_values(name)
        if isinstance(value, list):
            values[name] = value or wanted
        elif value is None and len(set(wanted)) == 1:
            values[name] = wanted[0]
    return Facets.model_construct(**values)


async def _list_newest(
    services: Services, workspace: Workspace | MissingWorkspace, request: RecallRequest
) -> RecallResult:
    """Return the newest memories that fulfil the conditions of a query without words."""
    if isinstance(workspace, MissingWorkspace):
        return _build_result([], None)
    entries = await skip_list.list_live_entries(services.db, workspace.id, services.now())
    home = SearchedWorkspace(workspace, Question(""))
    matches: list[Match] = []
    withheld = 0
    async with aclosing(_read_newest(services, workspace, request)) as newest:
        async for memory in newest:
            if request.is_admitted is not None and not await request.is_admitted(memory):
                continue
            against = tuple(each for each in entries if covers_text(each, memory.content))
            if against and workspace.settings.skip_enforcement == "withhold":
                withheld += 1
            else:
                ranked = rank_listed(make_listed(memory.id, memory.occurred_at or memory.created_at))
                matches.append(Match(ranked, memory, home, against))
            if len(matches) == request.limit:
                break
    return _build_result(matches, home, withheld)


async def _read_newest(
    services: Services, workspace: Workspace, request: RecallRequest
) -> AsyncGenerator[RecalledMemory]:
    now = services.now()
    for offset in range(0, MOST_READ, _PAGE):
        listing = replace(request.facets.to_listing(_PAGE, request.past), offset=offset)
        async with services.db.read() as connection:
            page, _ = await memory_lists.list_page(connection, workspace.id, listing, now)
        for each in page:
            yield _as_recalled(each)
        if len(page) < _PAGE:
            return


async def _admits(alternative: Alternative, memory: RecalledMemory, language: Language) -> bool:
    if len(memory.content) < _LONG:
        return alternative.admits(memory, language)
    return await asyncio.to_thread(alternative.admits, memory, language)


def _as_recalled(memory: Memory) -> RecalledMemory:
    return RecalledMemory.model_validate(memory.model_dump(include=set(RecalledMemory.model_fields)))


def _build_result(matches: list[Match], own: SearchedWorkspace | None, withheld: int = 0) -> RecallResult:
    return RecallResult(
        matches=matches,
        terms=[],
        ranked_by="recent",
        own=own,
        other_workspaces=[],
        skip_matches=[],
        left_out=[],
        withheld=withheld,
        notice=None,
    )


def _merge(results: Sequence[RecallResult], request: RecallRequest) -> RecallResult:
    """Return one result of several: each memory once, by its best score, and none that says the same as another."""
    ordered = sorted((match for each in results for match in each.matches), key=lambda match: -match.ranked.score)
    seen, kept = Duplicates(), dict[str, Match]()
    left_out = {each.id: each for result in results for each in result.left_out}
    for match in ordered:
        memory = match.memory
        if memory.id in kept:
            continue
        if len(kept) == request.limit:
            if request.is_explained:
                left_out[memory.id] = LeftOut(memory.id, "rank", match.ranked)
        elif (same := seen.find_earlier(memory.id, memory.content, get_record(memory))) is not None:
            left_out[memory.id] = LeftOut(memory.id, "duplicate", match.ranked, same)
        else:
            kept[memory.id] = match
    searched = [each for each in results if each.ranked_by != "recent"]
    matches = list(kept.values())
    notices = _join_once(each.notice for each in results if each.notice)
    return RecallResult(
        matches=matches,
        terms=_join_once(word for each in results for word in each.terms),
        ranked_by=searched[0].ranked_by if searched else "recent",
        own=results[0].own,
        other_workspaces=[],
        skip_matches=[],
        left_out=[each for each in left_out.values() if each.id not in kept],
        withheld=max(each.withheld for each in results),
        notice=" ".join(notices if matches else [*notices, NOTHING_FITS]) or None,
    )


def _join_once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
