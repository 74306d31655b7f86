"""POST /v1/auth/signup: an account without a browser, where the server is open."""

import asyncio

import pytest

from auth.accounts.account_names import check_name
from server.store.record.people.accounts import count_users, find_user
from tests.helpers.doors import read_answer
from tests.helpers.site import open_site

#: The limits of a month of a plan that has none.
NO_MONTHS = {"monthly_requests": None, "monthly_tokens": None}

pytestmark = pytest.mark.anyio

PATH = "/v1/auth/signup"


@pytest.fixture
def serving(settings, clock):
    """A server with settings that differ."""

    def make(**changes):
        return open_site(type(settings).model_validate(settings.model_dump() | changes), clock)

    return make


@pytest.fixture
async def anyone(serving):
    """A server that anyone may sign up on."""
    async with serving(signup="open") as site:
        yield site


async def users(site):
    async with site.services.db.read() as connection:
        return await count_users(connection)


async def test_signing_up_gives_a_key_that_reads_and_writes_in_the_workspace_named(anyone):
    answer = await anyone.client().post(PATH, json={"name": "cat", "workspace": "Notes", "email": "cat@example.com"})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made == {
        "api_key": made["api_key"],
        "workspace": "notes",
        "user_id": made["user_id"],
        "name": made["name"],
        "api_url": anyone.url,
        "plan": None,
        "limits": {"memories": None, "items": None, "workspaces": None, **NO_MONTHS},
    }
    cat = anyone.client(made["api_key"])
    stored = await cat.post("/v1/memories", json={"content": "Tea"})
    assert stored.json()["meta"]["workspace"] == "notes", "where none is named"
    (key,) = (await cat.get("/v1/keys")).json()["keys"]
    assert (key["scopes"], key["name"], key.get("workspace")) == (["memory:write"], "cat", None)
    assert (await cat.post("/v1/admin/backfill-embeddings", json={})).json()["error"] == "insufficient_scope"
    async with anyone.services.db.read() as connection:
        user = await find_user(connection, made["name"])
    assert user is not None
    assert (user.id, user.password_hash, user.is_admin) == (made["user_id"], None, False)


@pytest.mark.parametrize(
    ("body", "begins"),
    [
        (None, "default-"),
        ({}, "default-"),
        ({"name": " Ann's laptop "}, "ann-s-laptop-"),
        ({"name": "猫"}, "user-"),
        ({"name": "a" * 100}, "a" * 40 + "-"),
        ({"name": "", "workspace": None}, "default-"),
        ({"name": None, "workspace": ""}, "default-"),
        ({"name": " "}, "default-"),
        ({"name": "a" * 101}, "a" * 40 + "-"),
    ],
)
async def test_each_gets_a_user_name_of_its_own_that_can_be_one(anyone, body, begins):
    http = anyone.client()
    one, other = await asyncio.gather(*(http.post(PATH, json=body) for _ in range(2)))
    names = {answer.json()["name"] for answer in (one, other)}
    assert len(names) == 2
    for name in names:
        assert name.startswith(begins)
        check_name(name)
    assert {answer.json()["workspace"] for answer in (one, other)} == {"default"}


async def test_two_who_signed_up_do_not_see_each_other(anyone):
    one, other = [anyone.client((await anyone.client().post(PATH)).json()["api_key"]) for _ in range(2)]
    memory = (await one.post("/v1/memories", json={"content": "Tea"})).json()["id"]
    assert (await other.get(f"/v1/memories/{memory}")).status_code == 404
    assert (await other.get("/v1/memories")).json()["total"] == 0


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (" Café Zürich! ", "caf--z-rich-"),
        ("a_b-C9", "a_b-c9"),
        ("東京", "--"),
        ("  ", "default"),
        ("a" * 101, "a" * 100),
    ],
)
async def test_a_workspace_gets_a_plain_name(anyone, given, made):
    assert (await anyone.client().post(PATH, json={"workspace": given})).json()["workspace"] == made


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"name": 5}, "name", "name: must be text; you sent '5'"),
        ({"name": "a\x00"}, "name", "NUL"),
        ({"workspace": ["x"]}, "workspace", "workspace: must be text"),
        ({"email": 5}, "email", "email: must be text"),
        ({"plan": "pro"}, "plan", "there is no such field; known ones are email, name, workspace"),
    ],
)
async def test_a_mistake_is_named_and_makes_no_account(anyone, body, field, says):
    answer = await anyone.client().post(PATH, json=body)
    assert (answer.status_code, read_answer(answer).error) == (400, "invalid")
    assert answer.json()["field"] == field
    assert says in answer.json()["message"]
    assert await users(anyone) == 0


async def test_a_body_that_is_no_json_object_or_too_large_is_refused(anyone):
    http, json = anyone.client(), {"content-type": "application/json"}
    for content, headers, status in (
        (b"{", json, 400),
        (b"[]", json, 400),
        (b"name=cat", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b'{"email": "%s"}' % (b"x" * 16_384), json, 413),
    ):
        answer = await http.post(PATH, content=content, headers=headers)
        assert answer.status_code == status
        read_answer(answer)
    assert await users(anyone) == 0


async def test_another_method_is_refused_with_the_one_that_works(anyone):
    for method in ("GET", "PUT", "DELETE"):
        answer = await anyone.client().request(method, PATH)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert read_answer(answer).error == "method_not_allowed"


@pytest.mark.parametrize(("mode", "says"), [("closed", "LOCI_SIGNUP=open"), ("invite", "/signup")])
async def test_a_server_that_is_not_open_says_what_to_do_instead(serving, mode, says):
    async with serving(signup=mode) as site:
        for body in ({}, {"name": 5}):
            answer = await site.client().post(PATH, json=body)
            assert (answer.status_code, read_answer(answer).error) == (403, "forbidden")
            assert says in answer.json()["message"]
        assert await users(site) == 0


async def test_five_an_hour_may_sign_up_from_one_address(anyone, clock):
    http = anyone.client()
    for _ in range(6):
        await http.post(PATH, json={"name": 5})  # a mistake is no try
    assert [(await http.post(PATH)).status_code for _ in range(5)] == [201] * 5
    clock.move(minutes=20)
    refused = await http.post(PATH)
    assert (refused.status_code, read_answer(refused).error) == (429, "too_many_requests")
    assert (refused.headers["retry-after"], refused.json()["retry_after"]) == ("2400", 2400)
    assert await users(anyone) == 5
    clock.move(minutes=40)
    assert (await http.post(PATH)).status_code == 201


async def test_twenty_a_day_may_sign_up_from_one_address(anyone, clock):
    http = anyone.client()
    for _ in range(4):
        assert [(await http.post(PATH)).status_code for _ in range(5)] == [201] * 5
        clock.move(hours=1)
    refused = await http.post(PATH)
    assert (refused.status_code, refused.json()["retry_after"]) == (429, 20 * 3600)
    clock.move(hours=20)
    assert (await http.post(PATH)).status_code == 201


async def test_a_forged_address_counts_as_the_real_one(anyone):
    http = anyone.client()
    forged = ({"x-forwarded-for": f"203.0.113.{n}", "cf-connecting-ip": f"203.0.113.{n}"} for n in range(6))
    assert [(await http.post(PATH, headers=each)).status_code for each in forged] == [201] * 5 + [429]


async def test_a_new_account_has_the_default_plan_and_its_limits_hold(serving):
    plans = {"free": {"memories": 1, "workspaces": 1}}
    async with serving(signup="open", plans=plans, default_plan="free") as site:
        made = (await site.client().post(PATH, json={"workspace": "notes"})).json()
        assert (made["plan"], made["limits"]) == ("free", {"memories": 1, "items": None, "workspaces": 1, **NO_MONTHS})
        cat = site.client(made["api_key"])
        assert (await cat.post("/v1/memories", json={"content": "Tea"})).status_code == 201
        assert (await cat.post("/v1/memories", json={"content": "x"})).json()["error"] == "quota_exceeded"
        elsewhere = await cat.post("/v1/memories", json={"content": "x"}, headers={"x-memento-workspace": "new"})
        assert elsewhere.json()["message"].startswith("Workspaces: ")


async def test_a_plan_without_room_for_a_workspace_lets_nobody_in(serving):
    async with serving(signup="open", plans={"none": {"workspaces": 0}}, default_plan="none") as site:
        answer = await site.client().post(PATH)
        assert (answer.status_code, read_answer(answer).error) == (403, "quota_exceeded")
        assert await users(site) == 0


@pytest.mark.parametrize("path", ["/v1/signup", "/signup"])
async def test_the_addresses_of_context_memory_give_a_key_as_well(anyone, path):
    http = anyone.client()
    answer = await http.post(path, json={"email": "admin@local", "name": "Admin"})
    assert (answer.status_code, answer.json()["name"].startswith("admin-")) == (201, True)
    key = answer.json()["api_key"]
    assert (await http.get("/v1/memories", headers={"x-api-key": key})).status_code == 200
    assert (await http.post(path, json={"name": 5})).json()["field"] == "name"
    assert await users(anyone) == 1


async def test_the_three_addresses_of_sign_up_count_together(anyone):
    http = anyone.client()
    paths = [PATH, "/v1/signup", "/signup"] * 2
    assert [(await http.post(path, json={})).status_code for path in paths] == [201] * 5 + [429]


async def test_the_page_of_sign_up_still_takes_its_form(anyone):
    http = anyone.client()
    assert "<form" in (await http.get("/signup")).text
    answer = await http.post("/signup", data={"name": "ann", "password": "correct horse battery"})
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/v1/signup", "/signup"])
async def test_a_closed_server_refuses_at_every_address(serving, path):
    async with serving(signup="closed") as site:
        answer = await site.client().post(path, json={"email": "a@b", "name": "A"})
        assert (answer.status_code, read_answer(answer).error) == (403, "forbidden")
        assert await users(site) == 0
