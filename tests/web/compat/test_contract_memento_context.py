"""The answers to Memento's clients on `POST /v1/context`, and the rules that all its routes share."""

import re

import pytest

from tests.helpers.doors import read_answer
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio


def spoken(response):
    """The text that Memento's client shows."""
    return response.json()["content"][0]["text"]


async def test_post_context_recalls_what_matters(cat):
    memory_id = await cat.store("The staging database is called heron", tags=["ops"], type="fact")
    body = (await cat.http.post("/v1/context", json={"message": "which database is staging?"})).json()
    assert body["meta"]["workspace"] == "default"
    assert body["meta"]["last_updated"].endswith("Z")
    assert body["meta"]["memory_count"] == 1
    (match,) = body["memories"]["matches"]
    assert {k: match[k] for k in ("id", "content", "type", "tags")} == {
        "id": memory_id,
        "content": "The staging database is called heron",
        "type": "fact",
        "tags": ["ops"],
    }
    assert isinstance(match["score"], float)
    assert {"database", "staging"} <= set(" ".join(body["memories"]["query_terms"]).split())
    assert body["memories"]["ranking"] == "keyword"


async def test_post_context_ignores_parts_it_does_not_know_and_leaves_out_those_not_asked_for(cat):
    await cat.store("Tea")
    both = (await cat.http.post("/v1/context", json={"message": "tea", "include": ["memories", "moods"]})).json()
    assert len(both["memories"]["matches"]) == 1
    none = (await cat.http.post("/v1/context", json={"message": "tea", "include": ["identity"]})).json()
    assert "memories" not in none


async def test_post_context_gives_links_only_where_asked(cat):
    await cat.store("Tea", linkages=[{"type": "file", "path": "a.md"}])
    for asked in (False, True):
        body = (await cat.http.post("/v1/context", json={"message": "tea", "include_graph": asked})).json()
        links = body["memories"]["matches"][0]["linkages"]
        assert (links[0]["path"] if links else None) == ("a.md" if asked else None)


async def test_post_context_refuses_images_by_name(cat):
    answer = read_answer(await cat.http.post("/v1/context", json={"message": "x", "images": ["other"]}))
    assert (answer.status, answer.body["field"]) == (400, "images")
    assert "is not supported by this server" in answer.text
    assert (await cat.http.post("/v1/context", json={"message": "x", "images": []})).status_code == 200


async def peeked_over(person, *, named=(), query="", header=None):
    """The workspaces that a context looked into, asked for in the body, the query and the header."""
    headers = {} if header is None else {"x-memento-peek-workspaces": header}
    body = {"message": "tea", "peek_workspaces": list(named)}
    answer = await person.http.post(f"/v1/context{query}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["meta"].get("peeked_workspaces")


async def test_post_context_looks_into_the_workspaces_of_body_query_or_header(cat):
    for name in ("attic", "barn", "cellar"):
        await cat.store("tea", workspace=name)
    assert await peeked_over(cat) is None
    assert await peeked_over(cat, named=["attic", "barn"]) == ["attic", "barn"]
    assert await peeked_over(cat, query="?peek_workspaces=attic,barn") == ["attic", "barn"]
    assert await peeked_over(cat, query="?peek_workspaces=attic&peek_workspaces=barn") == ["attic", "barn"]
    assert await peeked_over(cat, header="attic, barn") == ["attic", "barn"]
    assert await peeked_over(cat, named=["barn"], header="cellar") == ["cellar"]
    assert await peeked_over(cat, named=["barn"], query="?peek_workspaces=attic", header="cellar") == ["attic"]


async def test_each_repeated_value_of_the_query_is_one_workspace_whatever_is_in_it(cat):
    five = "&".join(f"peek_workspaces={name}" for name in ("a%2Cb", "c%2Cd", "e%2Cf", "g", "h"))
    assert (await cat.http.get(f"/v1/working-memory/items?{five}")).status_code == 200
    assert await peeked_over(cat, query=f"?{five}") is None  # none of the five is there


async def test_more_than_five_workspaces_are_too_many_wherever_they_are_named(cat):
    for message in ("tea", ""):
        for six in ("a,b,c,d,e,f", "a,a,a,a,a,a"):
            for how in (
                {"json": {"message": message, "peek_workspaces": six.split(",")}},
                {"json": {"message": message}, "params": {"peek_workspaces": six}},
                {"json": {"message": message}, "headers": {"x-memento-peek-workspaces": six}},
            ):
                answer = read_answer(await cat.http.post("/v1/context", **how))
                assert (answer.status, answer.error, answer.body["field"]) == (400, "invalid", "peek_workspaces")
                assert "Too many workspaces: at most 5 can be looked into; you named 6" in answer.text


async def test_without_a_peek_no_answer_speaks_of_other_workspaces(cat):
    await cat.store("tea")
    await cat.http.post("/v1/working-memory/items", json={"category": "active_work", "title": "tea"})
    body = (await cat.http.post("/v1/context", json={"message": "tea"})).json()
    assert "peeked_workspaces" not in body["meta"]
    listed = (await cat.http.get("/v1/working-memory/items")).json()["items"]
    recalled = (await cat.http.post("/v1/memories/recall", json={"query": "tea"})).json()["memories"]
    every = [*body["memories"]["matches"], *body["working_memory"]["items"], *listed, *recalled]
    assert len(every) == 4
    assert not any("workspace" in each for each in every)


async def test_post_context_has_the_items_of_the_other_workspaces_with_their_workspace(cat, dan):
    for person, workspace, title, priority in (
        (cat, "default", "at home", 5),
        (cat, "attic", "in the attic", 9),
        (cat, "attic", "below", 1),
        (dan, "attic", "dan's", 9),
    ):
        item = {"category": "active_work", "title": title, "priority": priority, "workspace": workspace}
        assert (await person.http.post("/v1/working-memory/items", json=item)).status_code == 201
    for message in ("tea", ""):
        body = (await cat.http.post("/v1/context", json={"message": message, "peek_workspaces": ["attic"]})).json()
        items = [(each["title"], each.get("workspace")) for each in body["working_memory"]["items"]]
        assert items == [("in the attic", "attic"), ("at home", None), ("below", "attic")]
        assert body["working_memory"]["total_active"] == 1
        assert body["meta"]["peeked_workspaces"] == ["attic"]


@pytest.mark.parametrize("path", ["/v1/memories", "/v1/health", "/v1/working-memory", "/v1/skip-list"])
async def test_more_than_five_workspaces_are_too_many_on_every_route(cat, path):
    for how in (
        {"params": {"peek_workspaces": "a,b,c,d,e,f"}},
        {"headers": {"x-memento-peek-workspaces": "a,b,c,d,e,f"}},
    ):
        answer = read_answer(await cat.http.get(path, **how))
        assert (answer.status, answer.body["field"]) == (400, "peek_workspaces")
        assert "Too many" in answer.text


async def test_a_workspace_beyond_the_plan_is_refused_at_any_request_that_names_it(settings, clock):
    plans = {"free": {"workspaces": 1}}
    changes = {"plans": plans, "default_plan": "free"}
    async with open_site(type(settings).model_validate(settings.model_dump() | changes), clock) as site:
        ann = await site.add_person("ann")
        await ann.store("tea")
        headers = {"x-memento-workspace": "second"}
        for method, path in (("GET", "/v1/memories"), ("POST", "/v1/context"), ("GET", "/v1/health")):
            answer = read_answer(await ann.http.request(method, path, headers=headers))
            assert (answer.status, answer.error) == (403, "quota_exceeded")
            assert (answer.body["limit"], answer.body["current"]) == (1, 1)
        assert (await ann.http.get("/v1/memories", headers={"x-memento-workspace": "default"})).status_code == 200


@pytest.mark.parametrize("how", [{"params": {"peek_workspaces": "a"}}, {"headers": {"x-memento-peek-workspaces": "a"}}])
async def test_what_looks_into_one_workspace_only_refuses_to_peek(cat, how):
    for send, path, body in (
        (cat.http.get, "/v1/memories", {}),
        (cat.http.post, "/v1/search", {"json": {"query": "x"}}),
    ):
        answer = read_answer(await send(path, **body, **how))
        assert (answer.status, answer.error, answer.body["field"]) == (400, "invalid", "peek_workspaces")
        assert "looks into one workspace only; leave it out" in answer.text


async def test_without_a_key_every_path_is_a_401_in_the_envelope(shared):
    http = shared.client()
    for path in ("/v1/memories", "/v1/context", "/v1/anything"):
        response = await http.get(path)
        assert response.status_code == 401
        assert "Invalid or missing API key" in spoken(response)


async def test_with_a_key_an_unknown_path_is_a_404_in_the_envelope(cat):
    response = await cat.http.get("/v1/anything")
    assert read_answer(response).status == 404
    assert spoken(response)


async def test_the_header_chooses_the_workspace(cat):
    headers = {"X-Memento-Workspace": "attic"}
    stored = (await cat.http.post("/v1/memories", json={"content": "x"}, headers=headers)).json()
    assert stored["meta"]["workspace"] == "attic"
    assert (await cat.http.get("/v1/memories")).json()["total"] == 0
    assert (await cat.http.get("/v1/memories", headers=headers)).json()["total"] == 1


async def test_times_are_utc_with_milliseconds(cat):
    memory_id = await cat.store("x", expires="2099-12-31T12:00:00+02:00")
    memory = (await cat.http.get(f"/v1/memories/{memory_id}")).json()
    assert memory["expires_at"] == "2099-12-31T10:00:00.000Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", memory["created_at"])


async def test_words_with_hyphens_dots_and_umlauts_are_found(cat):
    texts = {"Navier-Stokes": "The Navier-Stokes notes", "src/main.py": "Edit src/main.py", "ümläut": "Das ist Ümläut"}
    for text in texts.values():
        await cat.store(text)
    for query, text in texts.items():
        matches = (await cat.http.post("/v1/context", json={"message": query})).json()["memories"]["matches"]
        assert matches[0]["content"] == text
