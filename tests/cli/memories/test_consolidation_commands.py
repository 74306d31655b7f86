"""The commands that list what was merged and undo it, alone and beside a server."""

import asyncio
import json

import pytest

from server.config import Settings
from tests.helpers.clock import Clock
from tests.helpers.site import open_site

TEXTS = ["A backup runs every night", "The backup keeps seven days", "Who reads the backup?"]


async def merge_memories(site):
    """Ann, with one run that merged three memories."""
    ann = await site.add_person("ann")
    for text in TEXTS:
        await ann.store(text, tags=["backup"])
    answer = await ann.http.post("/v1/consolidate", json={})
    assert answer.status_code == 200, answer.text
    return ann


async def count_memories(person):
    report = (await person.http.get("/v1/health")).json()["memories"]
    return report["active"], report["consolidated"]


def list_runs(cli, *options):
    listed = cli("consolidation", "list", "--user", "ann", "--json", *options)
    assert listed.exit_code == 0, listed.output
    return json.loads(listed.stdout)


@pytest.mark.parametrize("is_served", [True, False])
def test_a_run_is_undone_by_the_command_or_by_the_server(cli, tmp_path, is_served):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none", rate_limit=0)

    def undo():
        (run,) = list_runs(cli)
        assert (run["state"], run["sources"], run["merged"]) == ("done", 3, 1)
        done = cli("consolidation", "undo", run["id"], "--user", "ann")
        assert done.exit_code == 0, done.output
        assert "3 memories are back, and 1 merged ones are gone." in done.stderr
        assert list_runs(cli, "--workspace", "default")[0]["state"] == "undone"
        again = cli("consolidation", "undo", run["id"], "--user", "ann", "--workspace", "ann/default")
        assert (again.exit_code, "it was undone before" in again.stderr) == (1, True), again.output

    async def merge_and_undo():
        async with open_site(settings, Clock()) as site:
            ann = await merge_memories(site)
            assert await count_memories(ann) == (1, 3)
            if is_served:
                await asyncio.to_thread(undo)
        if not is_served:
            await asyncio.to_thread(undo)
        async with open_site(settings, Clock()) as site:
            ann.http = site.client(ann.key)
            assert await count_memories(ann) == (3, 0)
            found = (await ann.http.post("/v1/search", json={"query": "backup", "limit": 9})).json()["memories"]
            assert sorted(each["content"] for each in found) == TEXTS

    asyncio.run(merge_and_undo())


@pytest.mark.usefixtures("ann")
def test_a_run_a_user_and_a_workspace_that_are_not_there_are_refused_with_what_to_do(cli):
    nowhere = cli("consolidation", "undo", "01980000-0000-7000-8000-000000000000", "--user", "ann")
    assert (nowhere.exit_code, "ann has no workspace named 'default'" in nowhere.stderr) == (1, True), nowhere.output
    assert "no user named 'bob'" in cli("consolidation", "list", "--user", "bob").stderr
    assert cli("key", "create", "--user", "ann", "--workspace", "default").exit_code == 0
    assert "Nothing was merged" in cli("consolidation", "list", "--user", "ann").stderr
    unknown = cli("consolidation", "undo", "01980000-0000-7000-8000-000000000000", "--user", "ann")
    assert (unknown.exit_code, "There is no consolidation run 0198" in unknown.stderr) == (1, True), unknown.output
    unclear = cli("consolidation", "undo", "last", "--user", "ann")
    assert (unclear.exit_code, "RUN: must be the id of a run" in unclear.stderr) == (1, True), unclear.output
