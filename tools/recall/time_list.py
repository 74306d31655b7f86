"""The answer to a question about a time, a type or a person alone: a list from the record, newest first."""

from dataclasses import replace

from server.memory.recall.question import Question
from server.memory.recall.ranking import RankedCandidate, make_listed, rank_listed
from server.memory.recall.time_question import TYPES_OF_PERSON, TimeQuestion
from server.store.record.recall.happened import list_happened
from server.store.record.workspaces import Workspace
from tools.core.services import Services
from tools.recall.model import RecallRequest, SearchedWorkspace

SPARE = 20
"""The memories that are listed beyond the limit, as some may be left out: the skip list, repeats, what is known."""


async def list_by_time(
    services: Services, workspace: Workspace, request: RecallRequest, asked: TimeQuestion
) -> SearchedWorkspace | None:
    """Return the memories that a question asks for as the candidates of a workspace, newest first.

    Agents often store without a type. So if nothing of the type is there, a list of a time or about the person has all
    types. Returns None if nothing has the type or the name at all: then the words may be meant.
    """
    listing = request.facets.to_listing(request.limit + SPARE, request.past)
    of_types = replace(listing, types=listing.types or asked.types)
    between = None if asked.start is None or asked.end is None else (asked.start, asked.end)
    now = services.now()
    async with services.db.read() as connection:
        found = await list_happened(connection, workspace.id, of_types, now, between=between, person=asked.person)
        if not found and asked.types and (between is not None or asked.types == TYPES_OF_PERSON):
            found = await list_happened(connection, workspace.id, listing, now, between=between, person=asked.person)
    if not found and (asked.person is not None or between is None):
        return None
    candidates = [make_listed(each, at) for each, at in found]
    return SearchedWorkspace(workspace, Question(request.message), candidates, total=len(found))


def rank_by_time(searched: list[SearchedWorkspace]) -> list[RankedCandidate]:
    """Return the candidates of workspaces, newest first. Their scores are 0: no words were looked for."""
    candidates = [candidate for each in searched for candidate in each.candidates]
    candidates.sort(key=lambda each: -each.traits.happened_at)
    return [rank_listed(each) for each in candidates]
