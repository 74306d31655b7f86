"""The promises of the seam, on every engine."""

from dataclasses import replace
from math import log, sqrt

import pytest

from server.store.search.seam import (
    EngineDown,
    FieldMatch,
    Filter,
    FoundPoints,
    Query,
    SparseVector,
    UnusableCollection,
)
from tests.helpers.points import read_ids, read_point

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant"),
]

#: The most that a number or a cosine changes if the embedded engine keeps each number in sixteen bits.
ROUNDED = 1e-3


def dense(make, *values, limit=10, where=None):
    return Query(dense=make.vector(*values), text=None, limit=limit, filter=where or Filter())


def text(*terms, limit=10, where=None):
    return Query(dense=None, text=SparseVector(list(terms), [1.0] * len(terms)), limit=limit, filter=where or Filter())


def idf(points, holding):
    return log((points - holding + 0.5) / (holding + 0.5) + 1)


async def numbers(engine, collection, where):
    """The points that a filter lets through, by number."""
    found = await engine.search_points(collection, text(7, where=where))
    return {int(point.id[-12:], 16) for point in found.text}


async def test_a_collection_is_new_once(engine, collection):
    assert await engine.has_collection(collection)
    assert not await engine.open_collection(collection)
    assert await engine.count_points(collection) == 0


async def test_asking_whether_a_collection_exists_does_not_make_it(engine, make):
    collection = make.collection()
    assert not await engine.has_collection(collection)
    assert not await engine.has_collection(collection)


async def test_a_collection_that_is_not_there_reads_as_an_empty_one(engine, make):
    collection = make.collection()
    assert await engine.search_points(collection, Query(make.vector(1), SparseVector([7], [1.0]), 10)) == FoundPoints(
        [], []
    )
    assert await engine.read_points(collection) == []
    assert await engine.count_points(collection) == 0
    assert not await engine.has_collection(collection)


async def test_removing_from_a_collection_that_is_not_there_is_no_error(engine, make):
    collection = make.collection()
    await engine.delete_points(collection, [make.id(1)])
    await engine.set_payload(collection, {make.id(1): {"type": "fact"}})
    await engine.flush_collection(collection)
    await engine.drop_collection(collection)
    assert not await engine.has_collection(collection)


async def test_writing_to_a_collection_that_is_not_there_is_refused(engine, make):
    with pytest.raises(EngineDown):
        await engine.upsert_points(make.collection(), [make.point(1)])


async def test_a_point_comes_back_as_it_was_stored_at_unit_length(engine, collection, make):
    payload = {"type": "fact", "tags": ["a", "b"], "relevance": 0.5, "count": 3, "entity": None, "deep": {"k": ["v"]}}
    point = make.point(1, revision=9, dense=(3, 4), windows=[(1,), (0, 1)], text=(7, 5), **payload)
    await engine.upsert_points(collection, [point])
    stored = await read_point(engine, collection, point.id)
    assert (stored.id, stored.revision, stored.payload) == (point.id, 9, payload)
    assert dict(zip(stored.text.indices, stored.text.values, strict=True)) == {7: 1.0, 5: 1.0}
    assert stored.dense == pytest.approx(make.vector(0.6, 0.8), abs=ROUNDED)
    assert stored.windows is None


async def test_the_dense_arm_ranks_by_cosine(engine, collection, make):
    await engine.upsert_points(
        collection, [make.point(1, dense=(0, 5)), make.point(2, dense=(2,)), make.point(3, dense=(1, 1))]
    )
    found = await engine.search_points(collection, dense(make, 1))
    assert [point.id for point in found.dense] == [make.id(2), make.id(3), make.id(1)]
    assert [point.score for point in found.dense] == pytest.approx([1.0, 1 / sqrt(2), 0.0], abs=ROUNDED)
    assert found.text == []


async def test_the_text_arm_weighs_a_word_by_its_rarity(engine, collection, make):
    await engine.upsert_points(
        collection, [make.point(1, text=(7, 8)), make.point(2, text=(7,)), make.point(3, text=(9,))]
    )
    found = await engine.search_points(collection, text(7, 8))
    assert [point.id for point in found.text] == [make.id(1), make.id(2)]
    assert [point.score for point in found.text] == pytest.approx([idf(3, 2) + idf(3, 1), idf(3, 2)], rel=1e-4)
    assert found.dense == []


async def test_a_words_rarity_is_the_idf_that_the_text_arm_weighs_it_by(engine, collection, make):
    heavy = make.point(1, text=(7, 8))
    heavy.text.values[0] = 2.2
    await engine.upsert_points(collection, [heavy, make.point(2, text=(7,)), make.point(3, text=(9,))])
    common, rare, unknown = await engine.read_rarities(collection, [7, 8, 999])
    assert (common, rare) == (pytest.approx(idf(3, 2), rel=1e-4), pytest.approx(idf(3, 1), rel=1e-4))
    assert unknown is None
    assert await engine.read_rarities(collection, []) == []
    assert await engine.read_rarities(make.collection(), [7]) == [None]


async def test_one_search_asks_both_arms_and_brings_the_payload(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1, type="fact")])
    found = await engine.search_points(collection, Query(make.vector(1), SparseVector([7], [1.0]), 10))
    assert [(point.id, point.payload) for point in found.dense] == [(make.id(1), {"type": "fact"})]
    assert [(point.id, point.payload) for point in found.text] == [(make.id(1), {"type": "fact"})]


async def test_only_the_payload_keys_that_are_asked_for_come_back(engine, collection, make):
    await engine.upsert_points(
        collection, [make.point(1, workspace_id="w", type="fact", memory="text", scope="global")]
    )
    query = replace(text(7), keys=("memory", "scope"))
    (point,) = (await engine.search_points(collection, query)).text
    assert point.payload == {"workspace_id": "w", "memory": "text", "scope": "global"}


async def test_a_point_of_one_arm_comes_with_its_score_in_the_other(engine, collection, make):
    points = [
        make.point(1, dense=(1,), text=(8,)),
        make.point(2, dense=(0, 1), text=(7,)),
        make.point(3, dense=None, windows=[(1, 9), (1, 1)], text=(7,)),
        make.point(4, dense=(1, 0.1), text=(7, 8)),
        make.point(5, dense=None, text=(7,)),
    ]
    points[1].text.values[0], points[2].text.values[0], points[4].text.values[0] = 5.0, 4.0, 3.0
    await engine.upsert_points(collection, points)
    found = await engine.search_points(collection, Query(make.vector(1), SparseVector([7, 99], [1.0, 1.0]), 2))
    assert [[point.id for point in arm] for arm in (found.dense, found.text)] == [
        [make.id(1), make.id(4)],
        [make.id(2), make.id(3)],
    ]
    assert found.other_text == {make.id(4): pytest.approx(idf(5, 4), rel=1e-4)}
    assert found.other_dense == {
        make.id(2): pytest.approx(0.0, abs=ROUNDED),
        make.id(3): pytest.approx(1 / sqrt(2), abs=ROUNDED),
    }


async def test_the_points_that_have_a_name_are_told_of_both_arms_and_only_if_somebody_asks(engine, collection, make):
    points = [
        make.point(1, dense=(1,), text=(8, 9)),
        make.point(2, dense=(1, 0.1), text=(8,)),
        make.point(3, dense=(0, 1), text=(7, 9)),
        make.point(4, dense=(0, 1), text=(9,)),
    ]
    await engine.upsert_points(collection, points)
    asked = Query(make.vector(1), SparseVector([7], [1.0]), 2)
    assert (await engine.search_points(collection, asked)).named is None
    names = SparseVector([9, 99], [1.0, 1.0])
    assert (await engine.search_points(collection, replace(asked, names=names))).named == {make.id(1), make.id(3)}
    nobody = replace(asked, names=SparseVector([99], [1.0]))
    assert (await engine.search_points(collection, nobody)).named == set()


async def test_among_equals_the_newer_id_goes_first_in_both_arms(engine, collection, make):
    await engine.upsert_points(collection, [make.point(n, dense=(1, 2), text=(7,)) for n in (3, 1, 4, 2)])
    found = await engine.search_points(collection, Query(make.vector(1, 2), SparseVector([7], [1.0]), 10))
    newest_first = [make.id(n) for n in (4, 3, 2, 1)]
    assert [[point.id for point in arm] for arm in (found.dense, found.text)] == [newest_first] * 2


async def test_a_query_without_vectors_finds_nothing(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1)])
    assert await engine.search_points(collection, Query(None, SparseVector([], []), 10)) == FoundPoints([], [])


async def test_a_long_text_is_found_by_its_nearest_window_and_only_once(engine, collection, make):
    long = make.point(1, dense=(0, 0, 1), windows=[(0, 1), (1,)])
    await engine.upsert_points(
        collection, [long, make.point(2, dense=(1, 1)), make.point(3, dense=None, windows=[(1, 2)])]
    )
    found = await engine.search_points(collection, dense(make, 1))
    assert [point.id for point in found.dense] == [make.id(1), make.id(2), make.id(3)]
    assert [point.score for point in found.dense] == pytest.approx([1.0, 1 / sqrt(2), 1 / sqrt(5)], abs=ROUNDED)
    (first,) = (await engine.search_points(collection, dense(make, 1, limit=1))).dense
    assert first.id == make.id(1)


async def test_a_memory_without_a_vector_is_found_by_keyword_only(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1, dense=None), make.point(2, text=())])
    found = await engine.search_points(collection, Query(make.vector(1), SparseVector([7], [1.0]), 10))
    assert [point.id for point in found.text] == [make.id(1)]
    assert [point.id for point in found.dense] == [make.id(2)]
    stored = await read_point(engine, collection, make.id(2))
    assert stored.text == SparseVector([], [])


async def test_a_collection_without_dimensions_is_searched_by_keyword(engine, make):
    collection = make.collection(dims=0)
    assert await engine.open_collection(collection)
    await engine.upsert_points(collection, [make.point(1, dense=None)])
    found = await engine.search_points(collection, text(7))
    assert [point.id for point in found.text] == [make.id(1)]
    stored = await read_point(engine, collection, make.id(1))
    assert stored.dense is None
    await engine.drop_collection(collection)


async def test_an_arm_finds_no_more_than_the_limit(engine, collection, make):
    await engine.upsert_points(collection, [make.point(n, dense=(1, n)) for n in range(1, 6)])
    found = await engine.search_points(collection, Query(make.vector(1), SparseVector([7], [1.0]), 2))
    assert [point.id for point in found.dense] == [make.id(1), make.id(2)]
    assert len(found.text) == 2


async def test_a_filter_matches_a_string_and_any_string_of_a_list(engine, collection, make):
    await engine.upsert_points(
        collection, [make.point(1, type="fact", tags=["a", "b"]), make.point(2, type="task", tags=["c"])]
    )
    assert await numbers(engine, collection, Filter(must=(FieldMatch("type", ("fact", "rule")),))) == {1}
    assert await numbers(engine, collection, Filter(must=(FieldMatch("tags", ("b", "c")),))) == {1, 2}
    assert (
        await numbers(engine, collection, Filter(must=(FieldMatch("tags", ("b",)), FieldMatch("type", ("task",)))))
        == set()
    )
    assert await numbers(engine, collection, Filter(must=(FieldMatch("scope", ("global",)),))) == set()


async def test_a_filter_takes_all_of_must_and_one_branch_of_either(engine, collection, make):
    scopes = ["global", "project", "project", "task"]
    await engine.upsert_points(
        collection, [make.point(n, scope=s, at=str(n), type="fact") for n, s in enumerate(scopes)]
    )
    in_project = (FieldMatch("scope", ("project",)), FieldMatch("at", ("2",)))
    either = ((FieldMatch("scope", ("global",)),), in_project)
    assert await numbers(engine, collection, Filter(either=either)) == {0, 2}
    assert await numbers(engine, collection, Filter(must=(FieldMatch("at", ("2", "3")),), either=either)) == {2}


async def test_no_value_matches_nothing_and_an_empty_branch_everything(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1, type="fact")])
    assert await numbers(engine, collection, Filter(must=(FieldMatch("type", ()),))) == set()
    assert await numbers(engine, collection, Filter(either=((),))) == {1}


async def test_a_filter_holds_for_the_dense_arm_and_its_windows(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1, windows=[(1,)], type="fact"), make.point(2, type="task")])
    found = await engine.search_points(collection, dense(make, 1, where=Filter(must=(FieldMatch("type", ("task",)),))))
    assert [point.id for point in found.dense] == [make.id(2)]


async def test_a_write_replaces_the_whole_point(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1, windows=[(1,)], text=(7,), type="fact", entity="x")])
    await engine.upsert_points(collection, [make.point(1, revision=2, dense=None, text=(8,), type="task")])
    assert await engine.search_points(collection, Query(make.vector(1), SparseVector([7], [1.0]), 10)) == FoundPoints(
        [], []
    )
    stored = await read_point(engine, collection, make.id(1))
    assert (stored.payload, stored.dense, stored.text.indices) == ({"type": "task"}, None, [8])


async def test_a_lower_revision_never_replaces_a_higher_one_and_an_equal_one_does(engine, collection, make):
    await engine.upsert_points(
        collection, [make.point(1, revision=5, type="old"), make.point(2, revision=5, type="old")]
    )
    await engine.upsert_points(
        collection, [make.point(1, revision=4, type="new"), make.point(2, revision=5, type="new")]
    )
    stored = {point.id: (point.revision, point.payload) for point in await engine.read_points(collection)}
    assert stored == {make.id(1): (5, {"type": "old"}), make.id(2): (5, {"type": "new"})}


async def test_a_batch_may_hold_many_revisions_and_more_points_than_one_slice(engine, collection, make):
    await engine.upsert_points(collection, [make.point(n, revision=n) for n in range(1, 151)])
    assert await engine.count_points(collection) == 150
    stored = await engine.read_points(collection)
    assert len(stored) == 150
    assert {point.id: point.revision for point in stored} == {make.id(n): n for n in range(1, 151)}


async def test_nothing_to_write_is_no_error(engine, collection):
    await engine.upsert_points(collection, [])
    await engine.delete_points(collection, [])
    await engine.set_payload(collection, {})
    assert await engine.read_points(collection) == []


async def test_deleted_points_are_gone_and_unknown_ids_are_no_error(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1), make.point(2)])
    await engine.delete_points(collection, [make.id(1), make.id(99)])
    assert await read_ids(engine, collection) == {make.id(2)}
    assert await engine.count_points(collection) == 1
    assert [point.id for point in (await engine.search_points(collection, text(7))).text] == [make.id(2)]


async def test_a_touch_changes_its_keys_on_the_points_that_exist(engine, collection, make):
    await engine.upsert_points(collection, [make.point(n, revision=3, type="fact", relevance=1.0) for n in (1, 2)])
    await engine.set_payload(collection, {make.id(1): {"relevance": 0.5}, make.id(99): {"relevance": 0.5}})
    stored = {point.id: (point.revision, point.payload) for point in await engine.read_points(collection)}
    assert stored[make.id(1)] == (3, {"type": "fact", "relevance": 0.5})
    assert stored[make.id(2)] == (3, {"type": "fact", "relevance": 1.0})
    assert await engine.count_points(collection) == 2


async def test_points_that_are_touched_together_each_get_their_own(engine, collection, make):
    await engine.upsert_points(collection, [make.point(n, relevance=0) for n in range(6)])
    await engine.set_payload(collection, {make.id(n): {"relevance": n % 3} for n in range(6)})
    stored = {point.id: point.payload["relevance"] for point in await engine.read_points(collection)}
    assert stored == {make.id(n): n % 3 for n in range(6)}


async def test_a_dropped_collection_is_new_again(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1)])
    await engine.flush_collection(collection)
    await engine.drop_collection(collection)
    assert not await engine.has_collection(collection)
    assert await engine.open_collection(collection)
    assert await engine.count_points(collection) == 0


async def test_collections_hold_their_own_points(engine, collection, make):
    other = make.collection()
    await engine.open_collection(other)
    await engine.upsert_points(collection, [make.point(1)])
    await engine.upsert_points(other, [make.point(2)])
    assert await read_ids(engine, collection) == {make.id(1)}
    assert await read_ids(engine, other) == {make.id(2)}
    await engine.drop_collection(other)
    assert await read_ids(engine, collection) == {make.id(1)}


@pytest.mark.parametrize("dims", [8, 0])
async def test_a_collection_made_for_other_vectors_says_that_it_must_be_made_again(engine, collection, dims):
    with pytest.raises(UnusableCollection):
        await engine.open_collection(replace(collection, dims=dims))


async def test_points_of_two_workspaces_in_one_collection_are_not_answered(engine, collection, make):
    await engine.upsert_points(collection, [make.point(1, workspace_id="w1"), make.point(2, workspace_id="w2")])
    with pytest.raises(UnusableCollection):
        await engine.search_points(collection, text(7))
    with pytest.raises(UnusableCollection):
        await engine.read_points(collection)


async def test_an_engine_that_answers_passes_a_ping(engine):
    await engine.ping()


async def test_the_revisions_of_points_are_read_by_their_ids(engine, collection, make):
    await engine.upsert_points(
        collection, [make.point(1, revision=3), make.point(2, revision=5), make.point(3, revision=7)]
    )
    assert await engine.read_revisions(collection, [make.id(1), make.id(3), make.id(4)]) == {
        make.id(1): 3,
        make.id(3): 7,
    }
    assert await engine.read_revisions(collection, []) == {}
    assert await engine.read_revisions(make.collection(), [make.id(1)]) == {}
