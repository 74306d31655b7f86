"""Two workspaces in one shared collection, on every engine that has them."""

from dataclasses import replace
from math import log
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.store.search.seam import FieldMatch, Filter, Query, SparseVector
from tests.helpers.points import read_point

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]

ONE, OTHER = "workspace-1", "workspace-2"
TEXT = SparseVector([7], [1.0])


@pytest.fixture
async def tenants(shared, make):
    """Two tenants of a new shared collection, which is removed after the test."""
    one = make.collection(tenant=ONE)
    other = replace(one, tenant=OTHER)
    assert await shared.open_collection(one)
    assert await shared.open_collection(other)
    yield one, other
    await shared.drop_collection(replace(one, tenant=None))


async def everything(engine, tenant):
    """All that a tenant can see, by every way there is to look: revision and kind by id."""
    points = await engine.read_points(tenant)
    stored = {point.id: (point.revision, point.payload["type"]) for point in points}
    found = await engine.search_points(tenant, Query(None, TEXT, 100))
    assert {point.id: point.payload["type"] for point in found.text} == {id_: kind for id_, (_, kind) in stored.items()}
    assert all(point.payload["workspace_id"] == tenant.tenant for point in found.text)
    assert await engine.count_points(tenant) == len(points) == len(stored)
    revisions = {id_: revision for id_, (revision, _) in stored.items()}
    assert await engine.read_revisions(tenant, list(stored)) == revisions
    assert await engine.has_collection(tenant) == bool(points)
    return stored


async def test_one_id_in_two_workspaces_is_two_points(shared, tenants, make):
    for tenant, kind in zip(tenants, ("fact", "task"), strict=True):
        await shared.upsert_points(tenant, [make.point(1, type=kind)])
    one, other = [await read_point(shared, tenant, make.id(1)) for tenant in tenants]
    assert (one.id, one.payload) == (make.id(1), {"type": "fact", "workspace_id": ONE})
    assert (other.id, other.payload) == (make.id(1), {"type": "task", "workspace_id": OTHER})


async def test_a_filter_on_another_workspace_finds_nothing(shared, tenants, make):
    one, other = tenants
    await shared.upsert_points(other, [make.point(1)])
    match = FieldMatch("workspace_id", (OTHER,))
    for where in (Filter(must=(match,)), Filter(either=((match,), ()))):
        found = await shared.search_points(one, Query(make.vector(1), TEXT, 10, where))
        assert (found.dense, found.text) == ([], [])


async def test_a_payload_that_names_another_workspace_is_refused(shared, tenants, make):
    one, _ = tenants
    with pytest.raises(ValueError, match="another workspace"):
        await shared.upsert_points(one, [make.point(1, workspace_id=OTHER)])
    await shared.upsert_points(one, [make.point(1, workspace_id=ONE, type="fact")])
    with pytest.raises(ValueError, match="another workspace"):
        await shared.set_payload(one, {make.id(1): {"workspace_id": OTHER}})
    assert await everything(shared, one) == {make.id(1): (1, "fact")}


async def test_a_word_is_as_rare_as_it_is_in_its_own_workspace(shared, tenants, make):
    one, other = tenants
    await shared.upsert_points(one, [make.point(1, text=(7,)), make.point(2, text=(8,))])
    await shared.upsert_points(other, [make.point(number, text=(7,)) for number in range(50)])
    (point,) = (await shared.search_points(one, Query(None, TEXT, 10))).text
    assert point.score == pytest.approx(log((2 - 1 + 0.5) / (1 + 0.5) + 1), rel=1e-4)


async def test_the_rarity_of_a_word_tells_nothing_of_other_workspaces(shared, tenants, make):
    one, other = tenants
    await shared.upsert_points(one, [make.point(1, text=(7,)), make.point(2, text=(8,))])
    alone = await shared.read_rarities(one, [7, 8])
    await shared.upsert_points(other, [make.point(n, text=(7,)) for n in range(1, 20)])
    assert await shared.read_rarities(one, [7, 8]) == alone


async def test_dropping_one_workspace_leaves_the_other(shared, tenants, make):
    one, other = tenants
    for tenant in tenants:
        await shared.upsert_points(tenant, [make.point(1, type="fact")])
    await shared.drop_collection(one)
    assert await everything(shared, one) == {}
    assert await everything(shared, other) == {make.id(1): (1, "fact")}
    assert await shared.open_collection(one)
    assert not await shared.open_collection(other)


async def test_a_point_of_another_owner_is_untouchable_even_under_our_own_id(shared, tenants, make):
    one, _ = tenants
    await shared.upsert_points(one, [make.point(1, type="fact")])
    everyone, stolen = replace(one, tenant=None), str(uuid5(uuid5(NAMESPACE_URL, f"loci:{ONE}"), make.id(1)))
    await shared.set_payload(everyone, {stolen: {"workspace_id": OTHER}})
    assert await everything(shared, one) == {}
    await shared.upsert_points(one, [make.point(1, revision=9, type="task")])
    await shared.set_payload(one, {make.id(1): {"type": "task"}})
    await shared.delete_points(one, [make.id(1)])
    await shared.drop_collection(one)
    (kept,) = await shared.read_points(everyone)
    assert (kept.revision, kept.payload) == (1, {"type": "fact", "workspace_id": OTHER})


async def test_a_workspace_that_a_collection_has_never_seen_reads_as_empty(shared, make):
    nobody = make.collection(tenant=str(uuid4()))
    assert not await shared.has_collection(nobody)
    assert await everything(shared, nobody) == {}


STEPS = st.lists(
    st.tuples(
        st.sampled_from([ONE, OTHER]),
        st.sampled_from(["upsert", "delete", "touch"]),
        st.sets(st.integers(1, 4), min_size=1),
        st.integers(1, 3),
        st.sampled_from(["fact", "task"]),
    ),
    max_size=12,
)


async def take(engine, make, tenant, model, step):
    """Do a step in the engine, and in the model of what the tenant should see."""
    _, verb, numbers, revision, kind = step
    ids = [make.id(number) for number in sorted(numbers)]
    if verb == "upsert":
        await engine.upsert_points(
            tenant, [make.point(number, revision=revision, type=kind) for number in sorted(numbers)]
        )
        model |= {id_: (revision, kind) for id_ in ids if model.get(id_, (0, ""))[0] <= revision}
    elif verb == "delete":
        await engine.delete_points(tenant, ids)
        for id_ in ids:
            model.pop(id_, None)
    else:
        await engine.set_payload(tenant, {id_: {"type": kind} for id_ in ids})
        model |= {id_: (model[id_][0], kind) for id_ in ids if id_ in model}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, asked=st.tuples(st.sets(st.sampled_from(["fact", "task"])), st.sets(st.sampled_from([ONE, OTHER]))))
async def test_whatever_one_workspace_does_the_other_sees_only_its_own(shared, tenants, make, steps, asked):
    kinds, owners = asked
    models = {tenant.tenant: {} for tenant in tenants}
    for tenant in tenants:
        await shared.drop_collection(tenant)
    for step in steps:
        tenant = next(tenant for tenant in tenants if tenant.tenant == step[0])
        await take(shared, make, tenant, models[tenant.tenant], step)
    where = Filter(must=(FieldMatch("type", tuple(kinds)),), either=((FieldMatch("workspace_id", tuple(owners)),),))
    for tenant in tenants:
        model = models[tenant.tenant]
        assert await everything(shared, tenant) == model
        found = await shared.search_points(tenant, Query(None, TEXT, 100, where))
        expected = {id_ for id_, (_, kind) in model.items() if kind in kinds and tenant.tenant in owners}
        assert {point.id for point in found.text} == expected
