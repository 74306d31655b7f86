"""The way from points to candidates: the scores of the arms, and the values that replace missing ones."""

from datetime import UTC, datetime, timedelta

from server.memory.models import Memory
from server.memory.recall import gate
from server.memory.recall.question import Question
from server.memory.text import SEARCH_TEXT_RULE
from server.store.projection.points.payload import FILTERS, StoredTraits, build_payload
from server.store.record.recall.recalled import RecalledMemory
from server.store.record.workspaces import Workspace
from server.store.search.seam import FoundPoint, FoundPoints
from tools.recall.answers import MatchedMemory
from tools.recall.workspace_search import Weighing

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TRAITS = StoredTraits(
    happened_at=NOW.timestamp(),
    expires_at=None,
    before=(),
    author="",
    entity="",
    project="",
    question_share=0.0,
    is_first_person=False,
)
PAYLOAD = {"traits": TRAITS.encode(), "access_count": 0}
MEMORY = Memory(
    id="1",
    content="tea",
    type="fact",
    tags=[],
    scope="project",
    project="loci",
    task="tea",
    entity="the cat",
    author="Ann",
    session="s",
    occurred_at=NOW - timedelta(days=1),
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW + timedelta(days=1),
    linkages=[],
    relevance=0.5,
    access_count=3,
    consolidated=0,
    metadata={},
)
#: Words can say 10 at most.
SCALES = gate.Scales(10.0, 0.0)


def arm(scores):
    return sorted((FoundPoint(name, score, PAYLOAD) for name, score in scores.items()), key=lambda point: -point.score)


def candidates(dense, text, **others):
    weighing = Weighing(Question("tea"), [False], SCALES, None, NOW.timestamp())
    place = Workspace("w", "a", "w", NOW, NOW)
    points = FoundPoints(arm(dense), arm(text), **others)
    return weighing.weigh_points(place, points, 10, is_hybrid=True).candidates


def test_a_candidate_has_its_scores_in_both_arms_whichever_found_it():
    found = candidates({"a": 0.9}, {"b": 4.0}, other_dense={"b": 0.2}, other_text={"a": 1.0})
    assert {each.id: (each.keyword, each.vector) for each in found} == {"a": (1.0, 0.9), "b": (4.0, 0.2)}
    (only,) = candidates({}, {"c": 4.0})
    assert (only.keyword, only.vector) == (4.0, None)


def test_the_words_of_an_assistant_are_beside_the_person_unless_the_question_asks_for_them():
    said = PAYLOAD | {"traits": TRAITS._replace(author="Assistant").encode()}
    for text, is_beside in (("tea", True), ("which tea did you recommend?", False)):
        asked = Question(text)
        weighing = Weighing(asked, [False] * len(asked.term_ids), SCALES, None, NOW.timestamp())
        points = FoundPoints([FoundPoint("a", 0.9, said)], [])
        (found,) = weighing.weigh_points(Workspace("w", "a", "w", NOW, NOW), points, 10, is_hybrid=True).candidates
        assert found.traits.is_beside_the_person is is_beside


def test_recall_answers_fields_of_a_memory_and_its_own():
    assert set(MatchedMemory.model_fields) & set(Memory.model_fields) == set(RecalledMemory.model_fields)


def test_the_traits_of_a_memory_are_read_back_as_they_were_written_each_in_its_place():
    traits = StoredTraits(
        happened_at=1.5,
        expires_at=2.5,
        before=("b1", "b2"),
        author="Ann",
        entity="the cat",
        project="loci",
        question_share=0.25,
        is_first_person=True,
        other_times=(0.5, 3.25),
    )
    assert traits.encode() == "1.5\x002.5\x00b1 b2\x00Ann\x00the cat\x00loci\x000.25\x001\x000.5 3.25"
    assert StoredTraits.decode(traits.encode()) == traits


def test_traits_that_a_memory_has_not_are_read_back_as_none_or_empty():
    assert StoredTraits.decode(TRAITS.encode()) == TRAITS


def test_a_point_holds_the_traits_of_its_memory():
    assert StoredTraits.decode(build_payload(MEMORY, ["b1", "b2"])["traits"]) == StoredTraits(
        happened_at=(NOW - timedelta(days=1)).timestamp(),
        expires_at=(NOW + timedelta(days=1)).timestamp(),
        before=("b1", "b2"),
        author="Ann",
        entity="the cat",
        project="loci",
        question_share=0.0,
        is_first_person=False,
    )


def test_whoever_changes_what_a_point_holds_of_a_memory_has_the_points_written_again():
    # Points that were written before would lack a new value: SEARCH_TEXT_RULE is raised with this list.
    values = [*FILTERS, "access_count", "traits"]
    assert (SEARCH_TEXT_RULE, sorted({*build_payload(MEMORY, [])})) == (7, sorted(values))
    names = "happened_at expires_at before author entity project question_share is_first_person other_times"
    assert StoredTraits._fields == tuple(names.split())
