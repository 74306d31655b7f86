"""The search of one workspace: ask both arms, and turn their points into candidates for the ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from server.memory.languages import Language
from server.memory.recall import gate
from server.memory.recall.late_interaction import LEAST_WEIGHT, weigh_tokens
from server.memory.recall.question import Question
from server.memory.recall.ranking import Candidate, Traits
from server.memory.settings import WorkspaceSettings
from server.memory.text import hash_term, split_words, stem_words
from server.memory.vector import QuestionVectors
from server.store.embedding.source import TextUnreadable
from server.store.projection.points.payload import StoredTraits
from server.store.record.workspaces import Workspace
from server.store.search.seam import FieldMatch, Filter, FoundPoint, FoundPoints, Query, SparseVector
from tools.core.services import Services
from tools.memories.arguments import Facets
from tools.recall.model import QuestionTokens, RecallRequest, SearchedWorkspace

#: The payload keys that ranking reads of a candidate.
KEYS = ("traits", "access_count")
#: The names by which an assistant, and not the person, is the author of a memory, in lower case.
ASSISTANTS = frozenset({"assistant", "ai", "model", "bot"})


def make_question(message: str, settings: WorkspaceSettings) -> Question:
    """A message as a question to a workspace with these settings."""
    return Question(message, settings.language, tuple(settings.stop_words))


async def search_workspace(services: Services, workspace: Workspace, request: RecallRequest) -> SearchedWorkspace:
    """Ask a workspace's collection for the candidates of a message.

    If the engine takes no writes and cannot open the collection, the words of the record are asked instead.

    Raises:
        EngineDown: the search store is down.
    """
    serving = await services.projection.open_collection(workspace.id)
    question = Question(request.message, serving.language, tuple(workspace.settings.stop_words))
    words = serving.words
    if words is None:
        question, rarities, total = await _find_rarities(services, workspace, serving.revision, question)
    else:
        rarities, total = words.find_rarities(question.term_ids)
    ids = question.term_ids
    common = [gate.is_common(each, total) for each in rarities]
    asked, vectors, unread = question.correct_words(question.remove_common_names(common)), None, None
    if not request.is_words_only:
        try:
            with services.observer.watch("recall", "embedding"):
                vectors = await services.encoder.embed_query(asked, serving.generation)
        except TextUnreadable:
            unread = services.encoder.explain_unread(serving.generation)
    model = services.encoder.find_model_name(serving.generation)
    judged, weights = question.leave_out_unmissed(rarities, gate.compute_idf(total, 0))
    weighed = [each * weight for each, weight in zip(gate.limit_missing(judged, total), weights, strict=True)]
    scales = gate.Scales.from_rarities(weighed, model, is_english=question.is_english)
    filters = _build_filters(request.facets)
    whole = None if vectors is None else vectors.whole
    # In the record alone nothing tells who has a name.
    names = question.list_known_people(rarities, gate.compute_idf(total, 0)) if words is None else []
    keys = KEYS if request.facets.task is None else (*KEYS, "task")
    query = Query(whole, SparseVector(ids, question.weights), request.depth, filters, keys, _make_names(names))
    with services.observer.watch("recall", "search"):
        if words is None:
            found = await services.projection.search_points(workspace.id, query, serving.generation)
        else:
            found = words.search(query)
        if request.past is not None:
            add_past = services.projection.add_past
            found = await add_past(workspace.id, query, found, request.past, rarities, serving)
    unknown = question.has_unknown_name([each >= gate.compute_idf(total, 0) for each in rarities])
    project, task, now = request.facets.project, request.facets.task, services.now().timestamp()
    weighing = Weighing(question, common, scales, project, now, unknown, task)
    searched = weighing.weigh_points(workspace, found, total, is_hybrid=vectors is not None)
    if vectors is None or vectors.tokens is None:
        return searched if unread is None else replace(searched, unread=unread)
    by_id = dict(zip(ids, rarities, strict=True))
    tokens = weigh_question(replace(question, text=asked), vectors, by_id, names, serving.generation)
    common_names = all(gate.is_common(by_id[each], total) for each in names)
    return replace(searched, tokens=tokens, model=model, named=found.named, has_common_names=common_names)


def weigh_question(
    asked: Question, vectors: QuestionVectors, rarities: Mapping[int, float], names: Sequence[int], generation: int
) -> QuestionTokens | None:
    """Return the tokens of a question with their weights; None if the model gives none.

    Args:
        asked: the question, with the text that was embedded.
        vectors: of the question.
        rarities: the idf of each of the question's terms, by term id.
        names: the terms of people's names in it.
        generation: the generation of the vectors.
    """
    if vectors.tokens is None:
        return None
    weights = weigh_tokens(asked.text, vectors.places, rarities, asked.language)
    rest = weigh_tokens(asked.text, vectors.places, rarities, asked.language, frozenset(names)) if names else None
    if rest is not None and max(rest, default=0.0) <= LEAST_WEIGHT:
        rest = None  # there are names and stop words alone
    return QuestionTokens(vectors.tokens, weights, generation, rest)


def _make_names(terms: Sequence[int]) -> SparseVector | None:
    return SparseVector(list(terms), [1.0] * len(terms)) if terms else None


async def _find_rarities(
    services: Services, workspace: Workspace, revision: int, question: Question
) -> tuple[Question, list[float], int]:
    """Return the question, the idf of each of its terms, and the number of memories.

    If the workspace lacks a word that may be misspelt, the question looks for the word that was meant as well.
    """
    rarities, total = await services.projection.find_rarities(workspace.id, question.term_ids)
    missing = gate.compute_idf(total, 0)
    doubtful = question.list_doubtful_words([each >= missing for each in rarities])
    if not doubtful:
        return question, rarities, total
    meant = await services.vocabularies.find_meant_words(workspace.id, revision, doubtful)
    if not meant:
        return question, rarities, total
    question = replace(question, corrections=tuple(meant.items()))
    return question, *await services.projection.find_rarities(workspace.id, question.term_ids)


@dataclass(frozen=True)
class Weighing:
    """Turns points into candidates, for one question in one workspace."""

    question: Question
    common: Sequence[bool]
    scales: gate.Scales
    project: str | None
    now: float
    has_unknown_name: bool = False
    task: str | None = None

    @cached_property
    def _question_terms(self) -> frozenset[int]:
        """The ids of the question's terms."""
        return frozenset(self.question.term_ids)

    @cached_property
    def _rare_terms(self) -> frozenset[int]:
        """The ids of the question's terms that few memories have."""
        return frozenset(term for term, many in zip(self.question.term_ids, self.common, strict=True) if not many)

    def weigh_points(
        self, workspace: Workspace, found: FoundPoints, total: int, *, is_hybrid: bool
    ) -> SearchedWorkspace:
        """Turn points into candidates. Points that have expired are listed, and are no candidates."""
        keyword = {point.id: point.score for point in found.text} | found.other_text
        vector = {point.id: point.score for point in found.dense} | found.other_dense
        every = {point.id: point for arm in (found.text, found.dense) for point in arm}
        candidates: list[Candidate] = []
        expired: list[str] = []
        for id_, point in every.items():
            traits = self._read_traits(point)
            if traits is None:
                expired.append(id_)
                continue
            scores = keyword.get(id_), vector.get(id_)
            candidates.append(Candidate(id_, *scores, self.scales.compute_evidence(*scores), traits))
        return SearchedWorkspace(
            workspace=workspace,
            question=self.question,
            candidates=candidates,
            points=every,
            expired=expired,
            total=total,
            is_hybrid=is_hybrid,
            has_unknown_name=self.has_unknown_name,
            keyword_order=[point.id for point in found.text],
            vector_order=[point.id for point in found.dense],
        )

    def _read_traits(self, point: FoundPoint) -> Traits | None:
        """The facts that ranking reads of a point beside its scores; None if the memory has expired."""
        stored = StoredTraits.decode(point.payload["traits"])
        if stored.expires_at is not None and stored.expires_at <= self.now:
            return None
        return Traits(
            happened_at=stored.happened_at,
            access_count=point.payload["access_count"],
            before=stored.before,
            is_author_named=not self._question_terms.isdisjoint(_find_terms(stored.author, self.question.language)),
            is_entity_named=not self._rare_terms.isdisjoint(_find_terms(stored.entity, self.question.language)),
            is_in_project=self.project is not None and stored.project == self.project,
            is_in_task=self.task is not None and point.payload.get("task") == self.task,
            question_share=stored.question_share,
            is_first_person=stored.is_first_person,
            is_beside_the_person=stored.author.lower() in ASSISTANTS and not self.question.asks_what_was_told,
            other_times=stored.other_times,
        )


@lru_cache(maxsize=4096)
def _find_terms(name: str, language: Language) -> frozenset[int]:
    """The ids of the terms in a name. The same few names come again and again."""
    return frozenset(map(hash_term, stem_words(split_words(name, language), language)))


def _build_filters(facets: Facets) -> Filter:
    must = [FieldMatch(key, (value,)) for key, value in facets.list_exact_filters().items()]
    if facets.type:
        must.append(FieldMatch("type", tuple(facets.type)))
    if facets.tags:
        must.append(FieldMatch("tags", tuple(tag.lower() for tag in facets.tags)))
    tiers = (tuple(FieldMatch(key, (value,)) for key, value in tier.items()) for tier in facets.list_tiers())
    return Filter(tuple(must), tuple(tiers))
