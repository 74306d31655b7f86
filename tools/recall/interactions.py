"""Late interaction in a recall: the vectors of the candidates' tokens come from the record, when the gate is open."""

from collections.abc import Sequence

from server.memory.recall.late_interaction import score_memories
from server.memory.recall.ranking import Candidate
from server.store.db import Database
from server.store.record.vectors import read_tokens
from tools.recall.model import SearchedWorkspace


async def add_interactions(
    db: Database, searched: Sequence[SearchedWorkspace], candidates: Sequence[Candidate]
) -> list[Candidate]:
    """Return the candidates that passed the gate, each with its interaction, if there are vectors of tokens."""
    scores: dict[str, float] = {}
    for each in searched:
        mine = {candidate.id for candidate in each.candidates}
        passed = {candidate.id: candidate.traits.before for candidate in candidates if candidate.id in mine}
        if passed and each.tokens is not None:
            question = each.tokens
            ids = dict.fromkeys([*passed, *(earlier for before in passed.values() for earlier in before)])
            tokens = await read_tokens(db, question.generation, list(ids), question.vectors.shape[1])
            scores |= score_memories(question.vectors, question.weights, passed, tokens)
    return [candidate._replace(interaction=scores.get(candidate.id)) for candidate in candidates]
