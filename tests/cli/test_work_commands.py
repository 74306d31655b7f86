"""The commands that do background work now: reindex, tick and backfill."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from server.background.work import Outcome
from server.background.works import WORKS
from server.config import Settings
from tests.helpers.clock import Clock
from tests.helpers.programs.commands import ENDPOINT
from tests.helpers.site import open_site


def test_reindex_without_a_server_does_the_work_itself(cli, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none")

    async def fill():
        async with open_site(settings, Clock()) as site:
            await (await site.add_person("ann")).store("a heron by the pond")

    asyncio.run(fill())
    done = cli("reindex")
    assert done.exit_code == 0
    assert "1 workspace" in done.stderr


def test_reindex_beside_a_server_is_done_by_the_server(cli, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none")

    async def run_beside_server():
        async with open_site(settings, Clock()) as site:
            ann = await site.add_person("ann")
            memory_id = await ann.store("a heron by the pond")
            done = await asyncio.to_thread(cli, "reindex")
            assert (done.exit_code, "1 workspace" in done.stderr) == (0, True), done.output
            found = (await ann.http.post("/v1/search", json={"query": "heron"})).json()
            assert [each["id"] for each in found["memories"]] == [memory_id]

    asyncio.run(run_beside_server())


@pytest.mark.parametrize("what", ["decay", "consolidate"])
def test_a_tick_is_done_now_by_the_command_or_by_the_server(cli, tmp_path, what):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none")

    async def count_memories(person):
        report = (await person.http.get("/v1/health")).json()["memories"]
        return report["active"], report["consolidated"]

    async def run_beside_server():
        async with open_site(settings, Clock()) as site:
            ann = await site.add_person("ann")
            for n in range(3):
                await ann.store("The heron is grey" + "." * n)
            done = await asyncio.to_thread(cli, "tick", what)
            assert (done.exit_code, "1 workspace(s) done" in done.stderr) == (0, True), done.output
            assert await count_memories(ann) == ((1, 3) if what == "consolidate" else (3, 0))

    asyncio.run(run_beside_server())
    done = cli("tick", what)
    assert (done.exit_code, "1 workspace(s) done" in done.stderr) == (0, True), done.output


def test_a_tick_that_fails_in_a_workspace_says_so(cli, ann, monkeypatch):  # noqa: ARG001 - ann makes the record
    async def fail(*_):
        return Outcome(3, 1, "01980000: OperationalError")

    monkeypatch.setitem(WORKS, "decay", replace(WORKS["decay"], handler=fail))
    done = cli("tick", "decay")
    assert done.exit_code == 1
    assert "It failed in 1 of 3 workspaces, first in 01980000: OperationalError" in " ".join(done.stderr.split())
    assert cli("tick", "sleep").exit_code == 2


@pytest.mark.usefixtures("endpoint")
def test_backfill_beside_a_server_is_done_by_the_server(cli, tmp_path):
    data_dir = tmp_path / "data"
    without = Settings(data_dir=data_dir, embedding_model="none", embedding_url="")
    settings = Settings(data_dir=data_dir, embedding_url=ENDPOINT["LOCI_EMBEDDING_URL"], embedding_model="m")

    async def run_beside_server():
        async with open_site(without, Clock()) as site:
            await (await site.add_person("ann")).store("a heron by the pond")
        async with open_site(settings, Clock()):
            return await asyncio.to_thread(cli, "backfill")

    done = asyncio.run(run_beside_server())
    assert done.exit_code == 0, done.output
    assert "Each of 1 memories has its vectors" in done.stderr


def test_backfill_without_a_model_says_so_and_fails(cli, tmp_path):
    refused = cli("backfill")
    assert (refused.exit_code, "LOCI_EMBEDDING_MODEL is none" in refused.stderr) == (1, True), refused.output

    async def run_beside_server():
        async with open_site(Settings(data_dir=tmp_path / "data", embedding_model="none"), Clock()):
            return await asyncio.to_thread(cli, "backfill")

    refused = asyncio.run(run_beside_server())
    assert (refused.exit_code, "LOCI_EMBEDDING_MODEL is none" in refused.stderr) == (1, True), refused.output


def test_backfill_says_how_many_texts_the_model_refuses(cli, tmp_path, endpoint):
    async def fill():
        without = Settings(data_dir=tmp_path / "data", embedding_model="none", embedding_url="")
        async with open_site(without, Clock()) as site:
            ann = await site.add_person("ann")
            await ann.store("a heron by the pond")
            await ann.store("too strange")

    asyncio.run(fill())
    good = endpoint.side_effect
    endpoint.side_effect = lambda asked: httpx.Response(400) if b"strange" in asked.content else good(asked)
    done = cli("backfill")
    assert done.exit_code == 0, done.output
    assert "1 of 2 memories are still without vectors" in " ".join(done.stderr.split())
