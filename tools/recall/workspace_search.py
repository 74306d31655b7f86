"""What the arms find in one workspace, as ranking takes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from server.memory import gate
from server.memory.languages import Language
from server.memory.question import Question
from server.memory.ranking import Candidate, Traits
from server.memory.text import stems, term_id, words
from server.store.projection.points import unpacked_traits
from server.store.record.workspaces import Workspace
from server.store.search.seam import Found, Hit, Match, Query, Sparse, Where
from tools.core.services import Services
from tools.memories.arguments import Facets
from tools.recall.model import MatchedMemory

CANDIDATES = 40
"""How many memories each arm is asked for. More bring nothing (docs/recall.md) and are read for each recall."""
#: What ranking and answering read of a candidate.
KEYS = ("memory", "traits", "access_count")


@dataclass(frozen=True)
class Searched:
    """What was found in a workspace."""

    workspace: Workspace
    question: Question
    candidates: list[Candidate] = field(default_factory=list[Candidate])
    hits: dict[str, Hit] = field(default_factory=dict[str, Hit])
    expired: list[str] = field(default_factory=list[str])
    #: How many memories there are to be searched.
    total: int = 0
    is_hybrid: bool = False
    #: Each arm's ids, best first.
    keyword_order: list[str] = field(default_factory=list[str])
    vector_order: list[str] = field(default_factory=list[str])

    def memory(self, memory_id: str) -> MatchedMemory:
        """One of the candidates' memories, read from what the search store has of it."""
        return MatchedMemory.model_validate_json(self.hits[memory_id].payload["memory"])


async def search_workspace(
    services: Services,
    workspace: Workspace,
    message: str,
    facets: Facets,
    depth: int,
    *,
    is_explained: bool = False,
    is_words_only: bool = False,
) -> Searched:
    """Ask a workspace's collection for the candidates of a message; of one that is missing, nothing.

    Most of what is nearest is far below the gate, and no candidate unless `is_explained`. With `is_words_only` no model
    is asked, and only the keyword arm answers.

    Raises:
        EngineDown: the search store is down.
    """
    settings = workspace.settings
    if not workspace.exists:
        return Searched(workspace, Question(message, settings.language, tuple(settings.stop_words)))
    serving = await services.projection.open(workspace.id)
    question = Question(message, serving.language, tuple(settings.stop_words))
    rarities, total = await services.projection.rarities(workspace.id, question.term_ids)
    common = [gate.is_common(each, total) for each in rarities]
    dense = None
    if not is_words_only:
        dense = await services.encoder.embed_query(question.without_names(common), serving.generation)
    ids = question.term_ids
    scales = gate.Scales.of(rarities, services.encoder.find_model_name(serving.generation))
    floors = None if is_explained else scales.floors(gate.COMPANY)
    query = Query(dense, Sparse(ids, [1.0] * len(ids)), depth, _where(facets), KEYS, floors)
    found = await services.projection.search(workspace.id, query, serving.generation)
    weigh = Weighing(question, common, scales, depth, facets.project, services.now().timestamp())
    return weigh.searched(workspace, found, total, is_hybrid=dense is not None)


@dataclass(frozen=True)
class Weighing:
    """Turns hits into candidates, for one question in one workspace."""

    question: Question
    common: Sequence[bool]
    scales: gate.Scales
    depth: int
    project: str | None
    now: float

    @cached_property
    def _asked(self) -> frozenset[int]:
        """The question's terms."""
        return frozenset(self.question.term_ids)

    @cached_property
    def _rare(self) -> frozenset[int]:
        """Those of them that few memories share."""
        return frozenset(term for term, many in zip(self.question.term_ids, self.common, strict=True) if not many)

    def searched(self, workspace: Workspace, found: Found, total: int, *, is_hybrid: bool) -> Searched:
        """The candidates among the hits; those that have expired are put aside.

        What an arm says counts from its floor on: so a recall that is explained, whose arms tell everything, ranks as
        any other.
        """
        least_text, least_dense = self.scales.floors(gate.COMPANY)
        keyword = {hit.id: hit.score for hit in found.text}
        vector = {hit.id: hit.score for hit in found.dense}
        every = {hit.id: hit for arm in (found.text, found.dense) for hit in arm}
        unseen = self._unseen([score for score in vector.values() if score >= least_dense])
        candidates: list[Candidate] = []
        expired: list[str] = []
        for id_, hit in every.items():
            traits = self._traits(hit)
            if traits is None:
                expired.append(id_)
                continue
            scores = keyword.get(id_), vector.get(id_)
            counting = _from(least_text, scores[0]), _from(least_dense, scores[1])
            candidates.append(Candidate(id_, *counting, self.scales.evidence(*scores), traits, unseen))
        return Searched(
            workspace=workspace,
            question=self.question,
            candidates=candidates,
            hits=every,
            expired=expired,
            total=total,
            is_hybrid=is_hybrid,
            keyword_order=[hit.id for hit in found.text],
            vector_order=[hit.id for hit in found.dense],
        )

    def _unseen(self, cosines: Sequence[float]) -> float:
        """The cosine of what the vector arm did not name, as far as that can be told.

        Where the arm gave all that it was asked for, at most its last one's; else it is below the floor, and half-way
        down to where cosines begin is as good a guess as any (docs/recall.md).
        """
        return min(cosines) if len(cosines) == self.depth else self.scales.floors(gate.COMPANY / 2)[1]

    def _traits(self, hit: Hit) -> Traits | None:
        """What ranking knows of a hit beside its scores; None for one that has expired."""
        happened, expires, before, author, entity, project = unpacked_traits(hit.payload["traits"])
        if expires and float(expires) <= self.now:
            return None
        # By place: by name, a tuple takes twice as long to make.
        return Traits(
            float(happened),
            hit.payload["access_count"],
            tuple(before.split()),
            not self._asked.isdisjoint(_terms(author, self.question.language)),
            not self._rare.isdisjoint(_terms(entity, self.question.language)),
            self.project is not None and project == self.project,
        )


@lru_cache(maxsize=4096)
def _terms(name: str, language: Language) -> frozenset[int]:
    return frozenset(map(term_id, stems(words(name, language), language)))


def _from(least: float, score: float | None) -> float | None:
    return score if score is not None and score >= least else None


def _where(facets: Facets) -> Where:
    must = [Match(key, (value,)) for key, value in facets.equal().items()]
    if facets.type:
        must.append(Match("type", tuple(facets.type)))
    if facets.tags:
        must.append(Match("tags", tuple(tag.lower() for tag in facets.tags)))
    if facets.project is None or facets.scope is not None:
        return Where(tuple(must))
    return Where(tuple(must), ((Match("scope", ("global",)),), (Match("project", (facets.project,)),)))
