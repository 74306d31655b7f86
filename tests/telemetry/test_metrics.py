"""The metrics: what happens is counted under few labels, and what can be read is read when Prometheus asks."""

import random
import string
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError
from starlette.routing import Route

from server.errors import Failure
from server.store.embedding.source import EmbeddingFailed
from server.store.search.observed import ObservedEngine
from server.store.search.seam import Engine, EngineDown
from server.telemetry.metric_table import METRICS, PROCESS
from server.telemetry.metrics import Metrics
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio


async def read_series(site) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The value of each series of a server, by its name and its labels."""
    text, _ = await site.running.telemetry.metrics.render(site.services, site.running.auth)
    families = text_string_to_metric_families(text.decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def series(name, **labels):
    return name, frozenset(labels.items())


async def test_requests_calls_recalls_and_the_engine_are_counted(watched_site):
    ann = await watched_site.add_person()
    await ann.store("The pump is green")
    await ann.call("retrieve_context", {"message": "pump"})
    await ann.http.get("/v1/memories/nothing-there")
    await ann.http.get("/of-nobody")
    with pytest.raises(AssertionError):
        await ann.call("update_memory", {"id": "nothing-there", "content": "x"})
    found = await read_series(watched_site)
    requests = {
        dict(labels)["route"]: value for (name, labels), value in found.items() if name == "loci_http_requests_total"
    }
    assert requests["/v1/memories"] == requests["/v1/memories/{id}"] == requests["none"] == 1
    assert found[series("loci_http_requests_total", method="GET", route="none", status="404")] == 1
    assert found[series("loci_http_request_seconds_count", route="/v1/memories")] == 1
    assert found[series("loci_mcp_calls_total", tool="retrieve_context", outcome="ok")] == 1
    assert found[series("loci_mcp_calls_total", tool="update_memory", outcome="not_found")] == 1
    for stage in ("embedding", "search", "ranking", "whole"):
        assert found[series("loci_recall_stage_seconds_count", stage=stage)] == 1
    assert found[series("loci_engine_call_seconds_count", verb="search_points")] == 1
    assert found[series("loci_cache_misses_total", cache="principals")] == 1
    assert found[series("loci_cache_hits_total", cache="principals")] >= 4
    assert found[series("loci_work_steps_total", work="counts", outcome="ok")] >= 1
    assert found[series("loci_record_up")] == found[series("loci_engine_up")] == 1


async def test_the_page_has_each_metric_of_the_table_with_its_kind_its_meaning_and_its_labels(watched_site):
    ann = await watched_site.add_person()
    await ann.call("store_memory", {"content": "a"})
    await ann.call("retrieve_context", {"message": "a"})
    metrics = watched_site.running.telemetry.metrics
    for kind in ("documents", "question"):
        with pytest.raises(EmbeddingFailed), metrics.watch("embedding", kind):
            raise EmbeddingFailed("no")
    metrics.note_documents(1, 1)
    metrics.note_loop_lag(0.1)
    with pytest.raises(EngineDown), metrics.watch("engine", "search_points"):
        raise EngineDown("down")
    text, _ = await metrics.render(watched_site.services, watched_site.running.auth)
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    for name, metric in METRICS.items():
        family = families.pop(name.removesuffix("_total"))
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        assert family.samples, name
        assert {frozenset(each.labels) - {"le"} for each in family.samples} == {frozenset(metric.labels)}
    assert {f"{name}_total" if family.type == "counter" else name for name, family in families.items()} == set(PROCESS)


async def test_ten_thousand_paths_methods_tools_and_workspaces_that_callers_invent_add_no_series(watched_site):
    ann = await watched_site.add_person()
    chance = random.Random(12)  # noqa: S311 - nothing is secret

    def invent():
        return "".join(chance.choices(string.ascii_letters + string.digits, k=12))

    async def ask():
        await ann.http.request(
            chance.choice(("GET", "POST")), f"/{invent()}", headers={"X-Memento-Workspace": invent()}
        )
        await ann.http.get(f"/v1/memories/{invent()}")
        await ann.http.post("/v1/search", json={"query": invent(), "workspace": invent()})
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": invent(), "arguments": {}}}
        await ann.http.post("/mcp", json=call, headers={"accept": "application/json"})

    await ask()
    await ask()
    metrics = watched_site.running.telemetry.metrics
    for method in ("GET", "POST", "PURGE"):
        metrics.begin_request({"method": method, "path": "/", "headers": []}).end(404)
    before = set(await read_series(watched_site))
    for _ in range(20):
        await ask()
    for _ in range(10_000):
        metrics.begin_request({"method": invent(), "path": f"/{invent()}", "headers": []}).end(404)
    new = {each for each in set(await read_series(watched_site)) - before if not each[0].startswith("loci_engine_call")}
    # the background work of the server goes on, and has a name for each of its steps
    background = ("loci_work_steps_total", "loci_work_last_success_timestamp_seconds", "loci_tick_")
    assert {name for name, _ in new if not name.startswith(background)} == set()
    assert series("loci_mcp_calls_total", tool="unknown", outcome="invalid") in before


async def test_no_metric_has_the_name_of_a_person_or_a_workspace_or_a_word_of_a_memory(watched_site):
    zelda = await watched_site.add_person("zelda")
    await zelda.http.post("/v1/memories", json={"content": "The pump is green", "workspace": "hyrule"})
    await zelda.http.post("/v1/context", json={"message": "pump", "workspace": "hyrule"})
    text, _ = await watched_site.running.telemetry.metrics.render(watched_site.services, watched_site.running.auth)
    for word in ("zelda", "hyrule", "pump", zelda.key, zelda.user_id, zelda.account_id):
        assert word not in text.decode()


async def test_refused_and_late_calls_are_counted(settings, clock):
    limited = settings.model_copy(update={"metrics_port": 1, "rate_limit": 1})
    async with open_site(limited, clock) as site:
        ann = await site.add_person()
        await ann.http.get("/v1/health")
        assert (await ann.http.get("/v1/health")).status_code == 429
        site.running.auth.refused_logins["wrong_password"] += 2
        found = await read_series(site)
    assert found[series("loci_rate_limited_requests_total")] == 1
    assert found[series("loci_logins_refused_total", reason="wrong_password")] == 2
    assert found[series("loci_logins_refused_total", reason="too_many_tries")] == 0


async def test_stores_that_are_down_are_shown_as_down_and_the_page_still_answers(watched_site, monkeypatch):
    async def down(*_):
        raise EngineDown("down")

    def broken():
        raise OperationalError("SELECT", {}, ConnectionError("gone"))

    monkeypatch.setattr(watched_site.services.projection, "ping", down)
    monkeypatch.setattr(watched_site.services.db, "read", broken)
    found = await read_series(watched_site)
    assert found[series("loci_record_up")] == found[series("loci_engine_up")] == 0
    assert series("loci_projection_lag_revisions") not in found
    assert series("loci_embedding_ready") in found


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Failure("conflict", "no"), "conflict"), (EngineDown("x"), "unavailable"), (ZeroDivisionError(), "internal")],
)
def test_a_call_that_fails_is_counted_by_its_code(error, outcome):
    metrics = Metrics()
    with pytest.raises(type(error)), metrics.watch("tool", "search"):
        raise error
    assert metrics.registry.get_sample_value("loci_mcp_calls_total", {"tool": "search", "outcome": outcome}) == 1


def test_a_request_without_an_answer_and_one_with_an_odd_method_have_labels_of_their_own():
    metrics = Metrics()
    scope = {"method": "BREW", "headers": [], "route": Route("/v1/search", SimpleNamespace)}
    metrics.begin_request(scope).end(None)
    labels = {"method": "other", "route": "/v1/search", "status": "abandoned"}
    assert metrics.registry.get_sample_value("loci_http_requests_total", labels) == 1


def test_an_engine_that_is_watched_passes_on_every_verb():
    verbs = {name for name in vars(Engine) if not name.startswith("_")}
    assert verbs == {name for name in vars(ObservedEngine) if not name.startswith("_")}
