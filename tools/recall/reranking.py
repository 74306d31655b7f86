"""The optional last look at the best candidates: a cross-encoder's opinion, as one voice beside the ranking's."""

from server.memory.recall.ranking import RankedCandidate, blend
from server.store.embedding.reranker import MAX_TEXTS
from tools.core.services import Services
from tools.recall.model import CandidateMemories


async def rerank(
    services: Services, message: str, ranked: list[RankedCandidate], memories: CandidateMemories
) -> list[RankedCandidate]:
    """Put the best candidates in a new order, if there is a cross-encoder and it answers in time."""
    if services.reranker.state != "ready" or not ranked:
        return ranked
    await memories.read_memories(each.id for each in ranked[:MAX_TEXTS])
    found = [(each, memory) for each in ranked[:MAX_TEXTS] if (memory := memories.get_memory(each.id)) is not None]
    best = [each for each, _ in found]
    scores = await services.reranker.score_texts(message, [memory.content for _, memory in found])
    if scores is None:
        return ranked
    order = blend([each.score for each in best], scores)
    top = [best[place]._replace(score=score) for place, score in order]
    return [*top, *ranked[MAX_TEXTS:]]
