"""Rotating a key: the new one may do what the old one might, and of the two exactly one lives at any moment."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from server.errors import Failure
from server.store.tables.accounts import api_keys
from server.store.tables.oauth import oauth_grants
from tests.helpers.doors import ERAS, call_rest, call_tool, read_answer
from tests.helpers.logins.tokens import make_access_token
from tools import catalog
from tools.core.call import Door
from tools.core.execution import execute_operation
from tools.people.keys import RotatedKey

pytestmark = pytest.mark.anyio

PATH = "/v1/auth/rotate"
SAME = ("user_id", "name", "scopes", "workspace_id", "expires_at", "grant_id")


async def rows(site):
    """Every key that was ever made, oldest first; but for when it was last used, which the loop writes when it may."""
    columns = [column for column in api_keys.c if column.name != "last_used_at"]
    async with site.services.db.read() as connection:
        return (await connection.execute(sa.select(*columns).order_by(api_keys.c.created_at, api_keys.c.id))).all()


async def live(site):
    """The ids of the keys that were not revoked."""
    return [row.id for row in await rows(site) if row.revoked_at is None]


def as_person(ann, site, key):
    return type(ann)(ann.name, ann.user_id, ann.account_id, key, site.url, site.client(key))


async def test_a_rotated_key_answers_as_mementos_clients_expect_and_the_old_one_is_refused(ann, site, clock):
    assert (await ann.http.get("/v1/health")).status_code == 200
    clock.move(minutes=1)
    response = await ann.http.post(PATH)
    body = response.json()
    assert response.status_code == 200
    assert body["api_key"].startswith(body["key_prefix"])
    assert body["key_prefix"] == body["prefix"] == body["api_key"][:12]
    assert (body["previous_key_revoked"], body["name"], body["scopes"]) == (True, "test", ["memory:write"])
    assert "not shown again" in body["message"]
    refused = await ann.http.get("/v1/health")
    assert (refused.status_code, read_answer(refused).error) == (401, "unauthorized")
    assert refused.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert read_answer(await ann.http.post(PATH)).status == 401
    new = site.client(body["api_key"])
    assert (await new.post("/v1/memories", json={"content": "x"})).status_code == 201
    (listed,) = (await new.get("/v1/keys")).json()["keys"]
    assert (listed["id"], listed["created_at"]) == (body["id"], "2026-11-21T12:01:00.000Z")


@ERAS
async def test_a_key_is_rotated_as_a_tool_that_models_are_not_shown(ann, site, era):
    async with ann.mcp() as client:
        assert "rotate_key" not in [each.name for each in (await client.list_tools()).tools]
    made = await call_tool(ann, "rotate_key", {}, era=era)
    assert made.error is None, made.text
    assert (await ann.http.get("/v1/health")).status_code == 401
    new = as_person(ann, site, made.body["api_key"])
    again = await call_tool(new, "rotate_key", {}, era=era)
    assert again.body["api_key"] != new.key
    assert (await site.client(again.body["api_key"]).get("/v1/health")).status_code == 200


@pytest.mark.parametrize("is_test", [False, True])
async def test_the_new_key_is_the_old_one_in_all_but_its_secret(site, clock, is_test):
    who = await site.add_person("ann")
    await who.store("x", workspace="here")
    here = (await who.http.get("/v1/workspaces")).json()["workspaces"][0]["id"]
    for given in (
        {"workspace_id": here, "expires_at": clock() + timedelta(days=3)},
        {"scopes": ("admin", "memory:write")},
        {},
    ):
        clock.move(seconds=1)
        old = await site.add_person("ann", is_test=is_test, **given)
        clock.move(seconds=1)
        body = (await call_rest(old, "rotate_key", {})).body
        *_, before, after = await rows(site)
        assert [getattr(after, name) for name in SAME] == [getattr(before, name) for name in SAME]
        assert after.key_hash != before.key_hash
        assert (before.revoked_at, after.revoked_at, after.created_at) == (clock(), None, clock())
        assert body["api_key"].startswith("mp_test_" if is_test else "mp_live_")
        assert body["workspace"] == ("here" if "workspace_id" in given else None)


async def test_a_rotated_key_ends_when_the_old_one_would_have(site, clock):
    old = await site.add_person("ann", expires_at=clock() + timedelta(days=1))
    body = (await call_rest(old, "rotate_key", {})).body
    assert body["expires_at"] == "2026-11-22T12:00:00.000Z"
    http = site.client(body["api_key"])
    assert (await http.get("/v1/health")).status_code == 200
    clock.move(days=1)
    assert (await http.get("/v1/health")).status_code == 401


async def test_a_rotated_key_of_a_grant_still_ends_with_the_grant(site, ann):
    await make_access_token(site, ann)
    async with site.services.db.read() as connection:
        grant = (await connection.execute(sa.select(oauth_grants.c.id))).scalar_one()
    old = await site.add_person("ann", grant_id=grant)
    http = site.client((await call_rest(old, "rotate_key", {})).body["api_key"])
    assert (await http.get("/v1/health")).status_code == 200
    async with site.services.db.write() as connection:
        await connection.execute(sa.update(oauth_grants).values(revoked_at=site.services.now()))
    site.services.authenticator.evict(grant)
    assert (await http.get("/v1/health")).status_code == 401


async def test_a_bound_key_stays_bound_when_it_is_rotated(site, ann):
    await ann.store("x", workspace="here")
    here = (await ann.http.get("/v1/workspaces")).json()["workspaces"][0]["id"]
    bound = await site.add_person("ann", workspace_id=here)
    http = site.client((await call_rest(bound, "rotate_key", {})).body["api_key"])
    assert (await http.get("/v1/memories")).json()["meta"]["workspace"] == "here"
    assert (await http.get("/v1/memories", params={"workspace": "there"})).status_code == 403


async def test_whoever_came_through_oauth_has_no_key_to_rotate_and_is_told_what_to_do(site, ann):
    before = await rows(site)
    through = as_person(ann, site, await make_access_token(site, ann))
    over_rest = await call_rest(through, "rotate_key", {})
    assert (over_rest.status, over_rest.error) == (403, "forbidden")
    assert "create_key" in over_rest.text
    assert (await call_tool(through, "rotate_key", {})).text == f"forbidden: {over_rest.text}"
    assert await rows(site) == before
    assert (await through.http.get("/v1/health")).status_code == 200


async def test_a_key_that_may_only_read_is_not_rotated(site):
    reader = await site.add_person("ann", ("memory:read",))
    assert (await call_rest(reader, "rotate_key", {})).error == "insufficient_scope"
    assert (await reader.http.get("/v1/health")).status_code == 200


async def test_arguments_that_a_rotation_does_not_take_are_refused_and_the_key_lives_on(ann):
    for body in ({"name": "x"}, {"scopes": ["admin"]}, {"id": "x"}, {"workspace": "x"}):
        answer = await call_rest(ann, "rotate_key", body)
        assert (answer.status, answer.body["field"]) == (400, next(iter(body)))
        assert (await call_tool(ann, "rotate_key", body)).text == f"invalid: {answer.text}"
    assert (await ann.http.post(PATH, json=[1])).status_code == 400
    assert (await ann.http.post(PATH, params={"name": "x"})).status_code == 400
    assert (await ann.http.get(PATH)).status_code == 405
    assert (await ann.http.get("/v1/health")).status_code == 200


async def test_a_rotation_touches_no_other_key_and_nobody_elses(site, ann, bob):
    other = await site.add_person("ann")
    before = await live(site)
    mine = (await call_rest(ann, "rotate_key", {})).body["id"]
    for each in (other, bob):
        assert (await each.http.get("/v1/health")).status_code == 200
    assert (await bob.http.get("/v1/keys")).text.count('"id"') == 1
    assert (await bob.http.delete(f"/v1/keys/{mine}")).status_code == 404
    assert len(set(before) & set(await live(site))) == 2


async def test_of_many_rotations_of_one_key_at_once_one_wins_and_one_key_lives(site, ann):
    answers = await asyncio.gather(*(ann.http.post(PATH) for _ in range(12)))
    (won,) = [each for each in answers if each.is_success]
    lost = [read_answer(each) for each in answers if not each.is_success]
    assert {(each.status, each.error) for each in lost} <= {(401, "unauthorized"), (409, "conflict")}
    assert all("key" in each.text for each in lost)
    assert await live(site) == [won.json()["id"]]
    assert (await site.client(won.json()["api_key"]).get("/v1/health")).status_code == 200


async def test_of_rotations_that_were_all_let_in_before_one_commits_the_others_are_told_that_they_came_too_late(
    site, ann
):
    door = Door(await site.services.authenticator.authenticate(ann.key), "request")
    operation = catalog.CANONICAL["rotate_key"]
    rotations = [execute_operation(operation, site.services, door, {}) for _ in range(8)]
    ended = await asyncio.gather(*rotations, return_exceptions=True)
    (won,) = [each for each in ended if not isinstance(each, Failure)]
    lost = [each for each in ended if isinstance(each, Failure)]
    assert {each.code for each in lost} == {"conflict"}
    assert "Use the key that took its place" in lost[0].message
    assert isinstance(won, RotatedKey)
    assert await live(site) == [won.id]


async def test_a_rotation_that_fails_half_way_leaves_the_old_key_as_it_was(site, ann, monkeypatch):
    async def broken(_connection):
        raise RuntimeError("a disk that is full")

    before = await rows(site)
    monkeypatch.setattr("tools.people.keys.raise_epoch", broken)
    assert (await ann.http.post(PATH)).status_code == 500
    assert await rows(site) == before
    assert (await ann.http.get("/v1/health")).status_code == 200


async def test_a_key_that_was_rotated_elsewhere_is_refused_here_within_the_epochs_second(site, ann, clock):
    assert (await ann.http.get("/v1/health")).status_code == 200
    evict = site.services.authenticator.evict
    site.services.authenticator.evict = lambda _ended: None  # as in another process
    try:
        assert (await ann.http.post(PATH)).status_code == 200
    finally:
        site.services.authenticator.evict = evict
    clock.move(seconds=1)
    assert (await ann.http.get("/v1/health")).status_code == 401


async def test_the_new_secret_is_kept_nowhere(ann, settings):
    secret = (await call_rest(ann, "rotate_key", {})).body["api_key"]
    for path in settings.data_dir.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
