"""Vectors that are missing: who is told how many, what is counted when, and that a server fills them in by itself."""

import asyncio

import httpx
import pytest
import respx
import structlog
from pydantic import SecretStr

from server.config import Settings
from server.store.embedding import remote as remote_embeddings
from server.store.embedding.models.model_folder import MINILM
from server.store.projection.upkeep.backfill import BackfillFailed, follow_backfill
from server.store.projection.upkeep.gap_counts import KEPT
from server.store.record.vectors import VectorCoverage
from tests.helpers.doors import call_rest, call_tool
from tests.helpers.site import open_site
from tests.helpers.statements import note_statements
from tools.catalog import CANONICAL
from tools.memories import storing
from tools.vectors import BackfillReport

pytestmark = pytest.mark.anyio

URL = "https://embed.test/v1"
KEY = "sk-hunter2"


def answer_well(request):
    texts = httpx.Response(200, content=request.content).json()["input"]
    return httpx.Response(200, json={"data": [{"index": n, "embedding": [len(t), 1]} for n, t in enumerate(texts)]})


@pytest.fixture
def endpoint():
    with respx.mock(assert_all_called=False) as mock:
        mock.route(host="127.0.0.1").pass_through()
        yield mock.post(f"{URL}/embeddings").mock(side_effect=answer_well)


@pytest.fixture
def remote(tmp_path):
    return Settings(
        data_dir=tmp_path / "data",
        embedding_url=URL,
        embedding_model="m",
        embedding_api_key=SecretStr(KEY),
        rate_limit=0,
    )


@pytest.fixture
def impatient(monkeypatch):
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(remote_embeddings, name, 0.01)
    monkeypatch.setattr(remote_embeddings, "PAUSES", (0.0, 0.0))


async def fill_gaps(site):
    """Return once the server's own loop has filled in every gap; the model may have to come back first."""
    async with asyncio.timeout(60):
        while not site.services.encoder.is_ready:  # noqa: ASYNC110 - the product has no use for an event here
            await asyncio.sleep(0)
        await follow_backfill(site.services.encoder, ignore_progress, lambda _: asyncio.sleep(0))


async def ignore_progress(*_):
    """Progress that nobody reads."""


async def search_words(person, query, **more):
    return (await person.http.post("/v1/search", json={"query": query} | more)).json()


async def read_health(person):
    return (await person.http.get("/v1/health")).json()


async def test_what_is_stored_with_an_endpoint_is_found_by_meaning(endpoint, remote, clock):  # noqa: ARG001
    async with open_site(remote, clock) as site:
        await fill_gaps(site)
        ann = await site.add_person()
        await ann.store("x" * 9)
        found = await search_words(ann, "z" * 9)  # no word in common
        assert [each["content"] for each in found["memories"]] == ["x" * 9]
        assert found["ranking"] == "hybrid"
        health = await read_health(ann)
        assert (health["embedding_model"], health["embedding_state"]) == ("m", "ready")
        assert health["vectors"] == {"filled": 1, "missing": 0, "percent": 100.0}


@pytest.mark.usefixtures("impatient")
async def test_while_the_endpoint_is_down_words_are_ranked_and_what_was_stored_gets_vectors_later(
    endpoint, remote, clock
):
    endpoint.mock(side_effect=httpx.ConnectError(f"refused {KEY}"))
    with structlog.testing.capture_logs() as logs:
        async with open_site(remote, clock) as site:
            ann = await site.add_person()
            with pytest.raises(Exception, match="ConnectError"):
                await site.services.encoder.source.wait_ready()
            await ann.store("the heron nests late")
            found = await search_words(ann, "heron")
            assert (len(found["memories"]), found["ranking"]) == (1, "keyword")
            assert "cannot be reached (ConnectError)" in found["meta"]["notice"]
            down = await read_health(ann)
            assert (down["status"], down["ranking"], down["vectors"]) == ("degraded", "keyword", None)
            assert "ConnectError" in down["embedding_state"]
            endpoint.mock(side_effect=answer_well)
            await fill_gaps(site)
            found = await search_words(ann, "some other words to.")
            assert (len(found["memories"]), found["ranking"]) == (1, "hybrid")
            clock.move(minutes=1)
            assert (await read_health(ann))["vectors"]["percent"] == 100
            assert KEY not in f"{down}{await read_health(ann)}"
    assert KEY not in f"{logs}"


async def test_an_endpoint_that_is_down_at_the_next_start_loses_nothing(endpoint, remote, clock):
    async with open_site(remote, clock) as site:
        await fill_gaps(site)
        ann = await site.add_person()
        await ann.store("x" * 9)
    endpoint.mock(side_effect=httpx.Response(401))
    async with open_site(remote, clock) as site:
        ann = await site.add_person()
        assert (await search_words(ann, "x" * 9))["ranking"] == "keyword"
    endpoint.mock(side_effect=answer_well)
    async with open_site(remote, clock) as site:
        await fill_gaps(site)
        before = endpoint.call_count
        ann = await site.add_person()
        assert (await search_words(ann, "z" * 9))["ranking"] == "hybrid"
        assert endpoint.call_count == before + 1  # the question alone


async def test_a_store_that_waits_too_long_goes_on_without_vectors_and_gets_them_later(
    endpoint, remote, clock, monkeypatch
):
    monkeypatch.setattr(storing, "PATIENCE", 0.05)
    going = asyncio.Event()

    async def hold_up(request):
        if b"convertible" in request.content:
            await going.wait()
        return answer_well(request)

    endpoint.mock(side_effect=hold_up)
    async with open_site(remote, clock) as site:
        await fill_gaps(site)
        ann = await site.add_person()
        answer = await ann.http.post("/v1/memories", json={"content": "Her car is a red convertible"})
        assert (answer.status_code, answer.json()["indexed"]) == (201, True)
        found = await search_words(ann, "red convertible")
        assert [each["content"] for each in found["memories"]] == ["Her car is a red convertible"]
        assert (await read_health(ann))["vectors"]["missing"] == 1
        going.set()
        await fill_gaps(site)
        assert (await read_health(ann))["vectors"]["missing"] == 0


async def test_stores_take_turns_by_the_account_of_their_caller(endpoint, remote, clock, monkeypatch):  # noqa: ARG001
    async with open_site(remote, clock) as site:
        await fill_gaps(site)
        source, accounts = site.services.encoder.source, []
        embed = source.embed_documents

        async def note_account(texts, account_id=""):
            accounts.append(account_id)
            return await embed(texts, account_id)

        monkeypatch.setattr(source, "embed_documents", note_account)
        for person in (await site.add_person(), await site.add_person("ben")):
            await person.store("tea")
            await person.http.post("/v1/memories/ingest", json={"memories": [{"content": "coffee"}]})
    assert accounts[0]
    assert accounts[0] == accounts[1] != accounts[2] == accounts[3]


async def test_while_a_new_model_embeds_everything_the_one_before_it_answers(endpoint, remote, clock, settings, models):
    (settings.data_dir / "models").symlink_to(models)
    async with open_site(settings.model_copy(update={"embedding_model": MINILM}), clock) as site:
        await fill_gaps(site)
        await (await site.add_person()).store("Her car is a red convertible")
    going = asyncio.Event()

    async def held_up(request):
        if b"convertible" in request.content:
            await going.wait()
        return answer_well(request)

    endpoint.mock(side_effect=held_up)
    async with open_site(remote, clock) as site:
        ann = await site.add_person()
        async with asyncio.timeout(60):
            while (found := await search_words(ann, "what vehicle does she drive"))["ranking"] != "hybrid":
                pass  # the model of before is still being loaded
        assert [each["content"] for each in found["memories"]] == ["Her car is a red convertible"]
        assert (await read_health(ann))["vectors"] == {"filled": 0, "missing": 1, "percent": 0.0}
        going.set()
        await fill_gaps(site)
        before = endpoint.call_count
        assert (await search_words(ann, "what vehicle does she drive?"))["ranking"] == "hybrid"
        assert endpoint.call_count == before + 1


async def test_the_administrator_is_told_how_many_are_missing_through_both_doors(site):
    ann = await site.add_person("ann", ("admin", "memory:write"), is_admin=True)
    bob = await site.add_person("bob")
    await ann.store("one")
    await bob.store("two")
    over_rest = await call_rest(ann, "backfill_embeddings", {})
    over_mcp = await call_tool(ann, "backfill_embeddings", {})
    assert over_rest.body["missing"] == over_mcp.body["missing"] == 2
    assert (over_mcp.body["percent"], over_mcp.body["is_going_on"]) == (0, False)
    answer = await ann.http.post("/v1/admin/backfill-embeddings", json={})
    assert "2 memories have no vectors yet (0 % have)" in answer.json()["content"][0]["text"]
    refused = await bob.http.post("/v1/admin/backfill-embeddings", json={})
    assert (refused.status_code, refused.json()["scopes"]) == (403, ["admin", "memory:read", "memory:write"])


async def test_a_bound_key_and_a_user_who_is_no_administrator_learn_nothing_of_other_accounts(site):
    ann = await site.add_person("ann", ("admin", "memory:write"), is_admin=True)
    await ann.store("one")
    (here,) = (await ann.http.get("/v1/workspaces")).json()["workspaces"]
    bound = await site.add_person("ann", ("admin",), workspace_id=here["id"])
    other = await site.add_person("bob", ("admin",))
    filling = site.services.encoder.filling
    filling.begin()
    filling.end()
    for person in (bound, other):
        for answer in (
            await call_rest(person, "backfill_embeddings", {}),
            await call_tool(person, "backfill_embeddings", {}),
        ):
            assert "by its administrator, with a key that is not bound" in answer.text
            assert "missing" not in (answer.body or {})
    assert not filling.has_gaps, "and start nothing"


@pytest.mark.parametrize("field", ["batch_size", "reset", "reset_images", "images_only"])
async def test_what_mementos_backfill_takes_and_ours_does_not_act_on_is_refused_by_name(site, field):
    ann = await site.add_person("ann", ("admin",), is_admin=True)
    answer = await ann.http.post("/v1/admin/backfill-embeddings", json={field: 1})
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert (await ann.http.post("/v1/admin/backfill-embeddings", json={field: None})).status_code == 200


@pytest.mark.parametrize(
    ("missing", "state", "is_going_on", "text"),
    [
        (0, "ready", True, "Every memory has its vectors."),
        (1, "ready", True, "1 memory has no vectors yet (90 % have). They are filled in in the background: ready."),
        (
            9,
            "failed: no",
            False,
            "9 memories have no vectors yet (90 % have). They wait for the embedding model: failed: no.",
        ),
    ],
)
def test_the_outcome_is_told_in_a_sentence(missing, state, is_going_on, text):
    answer = BackfillReport(missing=missing, percent=90, is_going_on=is_going_on, embedding_state=state)
    to_text = CANONICAL["backfill_embeddings"].dialect.to_text
    assert to_text is not None
    assert to_text(answer) == text


@pytest.fixture
def statements():
    """The counts that were read from SQL so far."""
    with note_statements("count(vectors") as statements:
        yield statements


async def test_gaps_are_counted_once_a_minute_however_often_health_is_asked(endpoint, remote, clock, statements):
    async with open_site(remote, clock) as site:
        await fill_gaps(site)
        ann = await site.add_person()
        await ann.store("one")
        for _ in range(3):
            assert (await read_health(ann))["vectors"]["missing"] == 0
        clock.move(hours=1)
        await read_health(ann)
        assert len(statements) == 1  # no gap is known: it holds until the next backfill
        endpoint.mock(side_effect=httpx.Response(401))
        await ann.store("two")
        for _ in range(3):
            await read_health(ann)
        clock.move(seconds=KEPT.total_seconds())
        assert (await read_health(ann))["vectors"] == {"filled": 1, "missing": 1, "percent": 50.0}
        assert len(statements) == 3


@pytest.mark.parametrize(
    ("filled", "missing", "percent"), [(0, 0, 100.0), (0, 5, 0.0), (1999, 1, 99.9), (2, 1, 66.6), (5, 0, 100.0)]
)
def test_a_hundred_percent_means_all(filled, missing, percent):
    assert VectorCoverage(filled, missing).percent == percent


async def test_a_run_that_waits_for_vectors_ends_with_the_reason_where_there_is_no_model(site):
    with pytest.raises(BackfillFailed, match="LOCI_EMBEDDING_MODEL is none"):
        await follow_backfill(site.services.encoder, ignore_progress)
