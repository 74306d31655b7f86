"""The optional last look at the best candidates: a cross-encoder's opinion, as one voice beside the ranking's."""

from collections.abc import Sequence

from server.memory.ranking import Ranked, blended
from server.store.embedding.reranker import MAX_TEXTS
from tools.core.services import Services
from tools.recall.workspace_search import Searched


async def reranked(
    services: Services, message: str, ranked: list[Ranked], searched: Sequence[Searched]
) -> list[Ranked]:
    """The ranking with its best candidates in a new order, where there is a cross-encoder and it answers in time."""
    if services.reranker.state != "ready" or not ranked:
        return ranked
    homes = {candidate.id: each for each in searched for candidate in each.candidates}
    best = ranked[:MAX_TEXTS]
    scores = await services.reranker.scores(message, [homes[each.id].memory(each.id).content for each in best])
    if scores is None:
        return ranked
    order = blended([each.score for each in best], scores)
    top = [best[place]._replace(score=score) for place, score in order]
    return [*top, *ranked[MAX_TEXTS:]]
