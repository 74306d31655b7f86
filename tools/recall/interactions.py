"""Late interaction in a recall: the vectors of the candidates' tokens come from the record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from server.memory.recall import gate
from server.memory.recall.late_interaction import Meetings, average_cosines, compare_tokens
from server.memory.vector import TokenVectors, Vector
from server.store.db import Database
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
        found.append(compare_workspace(each, tokens))
    return found


def list_comparable(searched: SearchedWorkspace) -> dict[str, tuple[str, ...]]:
    """Return the candidates that may pass the gate, each with the memories just before it."""
    return {each.id: each.traits.before for each in searched.candidates if each.evidence >= gate.COMPANY}


def compare_workspace(searched: SearchedWorkspace, tokens: Mapping[str, TokenVectors]) -> SearchedWorkspace:
    """Return a workspace with the interactions of its candidates, and with what they say of the whole of it.

    `tokens` are the vectors of the tokens of memories, by id. A memory without any has no interaction.
    """
    question = searched.tokens
    meetings = None if question is None else compare_tokens(question.vectors, list_comparable(searched), tokens)
    if question is None or meetings is None:
        return searched
    interactions = dict(zip(meetings.ids, average_cosines(meetings.whole, question.weights), strict=True))
    best = max(average_cosines(meetings.own, question.weights))
    is_english = searched.question.is_english
    return replace(
        searched,
        candidates=[each._replace(interaction=interactions.get(each.id)) for each in searched.candidates],
        token_evidence=gate.weigh_interaction(best, searched.model, is_english=is_english),
        is_of_another=question.rest is not None and _is_of_another(searched, meetings, question.rest),
    )


def _is_of_another(searched: SearchedWorkspace, meetings: Meetings, rest: Vector) -> bool:
    """Whether the rest of the message, without its names, is met by memories without these names only."""
    named = searched.named or frozenset()
    scores = list(zip(meetings.ids, average_cosines(meetings.own, rest), strict=True))
    return gate.is_of_another(
        max((score for memory_id, score in scores if memory_id in named), default=0.0),
        max((score for memory_id, score in scores if memory_id not in named), default=0.0),
        is_common=searched.has_common_names,
    )
