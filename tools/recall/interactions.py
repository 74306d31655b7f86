"""Late interaction in a recall: the vectors of the candidates' tokens come from the record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from server.memory.recall import gate
from server.memory.recall.late_interaction import Meetings, average_cosines, compare_tokens
from server.memory.recall.somebody import tells_of_somebody
from server.memory.vector import TokenVectors, Vector
from server.store.db import Database
from server.store.record.recall.recalled import read_recalled_memories
from server.store.record.vectors import read_tokens
from tools.recall.model import SearchedWorkspace


async def add_interactions(db: Database, searched: Sequence[SearchedWorkspace]) -> list[SearchedWorkspace]:
    """Return the workspaces with the interactions of those candidates that may pass the gate."""
    found: list[SearchedWorkspace] = []
    for each in searched:
        if each.tokens is None:
            found.append(each)
            continue
        ids = dict.fromkeys(memory_id for one in list_comparable(each).items() for memory_id in (one[0], *one[1]))
        tokens = await read_tokens(db, each.tokens.generation, list(ids), each.tokens.vectors.shape[1])
        compared, of_another = compare_workspace(each, tokens)
        if of_another is not None:
            compared = replace(compared, is_of_another=await _tells_of_somebody(db, each.workspace.id, of_another))
        found.append(compared)
    return found


async def _tells_of_somebody(db: Database, workspace_id: str, memory_id: str) -> bool:
    memory = (await read_recalled_memories(db, workspace_id, [memory_id])).get(memory_id)
    return memory is not None and tells_of_somebody(memory.content)


def list_comparable(searched: SearchedWorkspace) -> dict[str, tuple[str, ...]]:
    """Return the candidates that may pass the gate, each with the memories just before it."""
    return {each.id: each.traits.before for each in searched.candidates if each.evidence >= gate.COMPANY}


def compare_workspace(
    searched: SearchedWorkspace, tokens: Mapping[str, TokenVectors]
) -> tuple[SearchedWorkspace, str | None]:
    """Return a workspace with the interactions of its candidates, and with what they say of the whole of it.

    `tokens` are the vectors of the tokens of memories, by id. A memory without any has no interaction.

    Returns:
        The workspace; and the id of the memory that meets the message without its names so much better than all that
        have these names that it may be somebody else's, or None.
    """
    question = searched.tokens
    meetings = None if question is None else compare_tokens(question.vectors, list_comparable(searched), tokens)
    if question is None or meetings is None:
        return searched, None
    interactions = dict(zip(meetings.ids, average_cosines(meetings.whole, question.weights), strict=True))
    best = max(average_cosines(meetings.own, question.weights))
    is_english = searched.question.is_english
    compared = replace(
        searched,
        candidates=[each._replace(interaction=interactions.get(each.id)) for each in searched.candidates],
        token_evidence=gate.weigh_interaction(best, searched.model, is_english=is_english),
    )
    return compared, None if question.rest is None else _find_of_another(searched, meetings, question.rest)


def _find_of_another(searched: SearchedWorkspace, meetings: Meetings, rest: Vector) -> str | None:
    """Return the memory that meets the rest of the message, without its names, far better than those with the names.

    None if there is no such memory. A speaker who talks about themselves may be the one who is asked about.
    """
    named = searched.named or frozenset()
    speakers = {each.id for each in searched.candidates if each.traits.is_first_person}
    scores = dict(zip(meetings.ids, average_cosines(meetings.own, rest), strict=True))
    others = {memory_id: score for memory_id, score in scores.items() if memory_id not in named | speakers}
    best = max(others, key=lambda memory_id: others[memory_id], default=None)
    if best is None:
        return None
    of_named = max((score for memory_id, score in scores.items() if memory_id in named), default=0.0)
    is_found = gate.is_of_another(of_named, others[best], is_common=searched.has_common_names)
    return best if is_found else None
