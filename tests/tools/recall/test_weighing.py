"""The way from points to candidates: the scores of the arms, and the values that replace missing ones."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.models import Memory
from server.memory.recall import gate
from server.memory.recall.question import Question
from server.memory.text import SEARCH_TEXT_RULE
from server.store.projection.payload import FILTERS, StoredTraits, build_payload
from server.store.record.recalled import RecalledMemory
from server.store.record.workspaces import Workspace
from server.store.search.seam import FoundPoint, FoundPoints
from tools.recall.answers import MatchedMemory
from tools.recall.workspace_search import Weighing

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEPTH = 4
PAYLOAD = {"traits": "\x00".join([str(NOW.timestamp()), "", "", "", "", ""]), "access_count": 0}
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
#: Words can say 10 at most, so 2 is the least that counts; of a cosine, 0.2.
SCALES = gate.Scales(10.0, 0.0)
LEAST_TEXT, LEAST_DENSE = SCALES.compute_floors(gate.COMPANY)


def arm(scores):
    return sorted((FoundPoint(name, score, PAYLOAD) for name, score in scores.items()), key=lambda point: -point.score)


def candidates(dense, text):
    weighing = Weighing(Question("tea"), [False], SCALES, DEPTH, None, NOW.timestamp())
    place = Workspace("w", "a", "w", NOW, NOW)
    return weighing.weigh_points(place, FoundPoints(arm(dense), arm(text)), 10, is_hybrid=True).candidates


SCORES = st.dictionaries(st.sampled_from("abcdef"), st.floats(-0.2, 1), max_size=DEPTH)


@given(SCORES, SCORES)
def test_what_passes_is_weighed_alike_whether_or_not_the_arms_tell_what_does_not(dense, shares):
    text = {name: 10 * share for name, share in shares.items()}
    everything = candidates(dense, text)
    counting = candidates(
        {name: score for name, score in dense.items() if score >= LEAST_DENSE},
        {name: score for name, score in text.items() if score >= LEAST_TEXT},
    )
    passing = [each for each in everything if each.evidence >= gate.COMPANY]
    assert sorted(passing) == sorted(each for each in counting if each.evidence >= gate.COMPANY)


def test_what_is_below_an_arms_floor_is_evidence_as_it_is_and_counts_nothing():
    (only,) = candidates({"a": 0.1}, {"a": 1.5})
    assert (only.keyword, only.vector) == (None, None)
    assert only.evidence == pytest.approx(0.15)


def test_of_a_vector_arm_that_gave_all_it_was_asked_for_the_last_cosine_stands_for_what_it_did_not_name():
    dense = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6}
    assert {each.unseen for each in candidates(dense, {"e": 9.0})} == {0.6}


def test_of_one_that_gave_less_half_of_its_floor_does():
    assert {each.unseen for each in candidates({"a": 0.9, "b": 0.1, "c": 0.1, "d": 0.1}, {"e": 9.0})} == {0.1}


def test_recall_answers_fields_of_a_memory_and_its_own():
    assert set(MatchedMemory.model_fields) & set(Memory.model_fields) == set(RecalledMemory.model_fields)


def test_the_traits_of_a_memory_are_read_back_as_they_were_written_each_in_its_place():
    traits = StoredTraits(
        happened_at=1.5, expires_at=2.5, before=("b1", "b2"), author="Ann", entity="the cat", project="loci"
    )
    assert traits.encode() == "1.5\x002.5\x00b1 b2\x00Ann\x00the cat\x00loci"
    assert StoredTraits.decode(traits.encode()) == traits


def test_traits_that_a_memory_has_not_are_read_back_as_none_or_empty():
    traits = StoredTraits(happened_at=1.5, expires_at=None, before=(), author="", entity="", project="")
    assert StoredTraits.decode(traits.encode()) == traits


def test_a_point_holds_the_traits_of_its_memory():
    assert StoredTraits.decode(build_payload(MEMORY, ["b1", "b2"])["traits"]) == StoredTraits(
        happened_at=(NOW - timedelta(days=1)).timestamp(),
        expires_at=(NOW + timedelta(days=1)).timestamp(),
        before=("b1", "b2"),
        author="Ann",
        entity="the cat",
        project="loci",
    )


def test_whoever_changes_what_a_point_holds_of_a_memory_has_the_points_written_again():
    # Points that were written before would lack a new value: SEARCH_TEXT_RULE is raised with this list.
    values = [*FILTERS, "access_count", "traits"]
    assert (SEARCH_TEXT_RULE, sorted({*build_payload(MEMORY, [])})) == (4, sorted(values))
    assert StoredTraits._fields == ("happened_at", "expires_at", "before", "author", "entity", "project")
