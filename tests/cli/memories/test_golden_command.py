"""The command that runs the golden cases: its output, its exit code, and the choice of cases."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from server.config import Settings
from tests.helpers.clock import Clock
from tests.helpers.programs.commands import run_command
from tests.helpers.site import open_site


@pytest.fixture
def golden_site(tmp_path):
    """A server on the commands' data folder: ann has a case that passes and one that fails, bob one that passes."""

    @asynccontextmanager
    async def open_golden_site():
        async with open_site(Settings(data_dir=tmp_path / "data", embedding_model="none"), Clock()) as site:
            for name in ("ann", "bob"):
                person = await site.add_person(name)
                memory_id = await person.store("a heron by the pond")
                await person.http.post("/v1/golden", json={"query": "heron", "memory_id": memory_id})
                if name == "ann":
                    await person.http.post("/v1/golden", json={"query": "pond", "text": "an egret"})
            yield site

    return open_golden_site


FAILING = "ann/default: 'pond': 'an egret' should be recalled within 10; not found\n"


def test_golden_without_a_server_prints_what_fails_and_nothing_else(golden_site, tmp_path):
    async def fill():
        async with golden_site():
            pass

    asyncio.run(fill())
    failed = run_command("golden", data_dir=tmp_path / "data")
    assert (failed.returncode, failed.stdout) == (1, FAILING), failed.stderr
    assert "1 of 3 golden cases failed" in failed.stderr
    assert "by keyword only" in failed.stderr


def test_golden_beside_a_server_is_done_by_the_server(cli, golden_site):
    async def run_beside_server():
        async with golden_site():
            failed = await asyncio.to_thread(cli, "golden")
            assert (failed.exit_code, failed.stdout) == (1, FAILING), failed.output
            for arguments in (
                ("--user", "bob"),
                ("--workspace", "bob/default"),
                ("--user", "bob", "--workspace", "default"),
            ):
                passed = await asyncio.to_thread(cli, "golden", *arguments)
                assert (passed.exit_code, passed.stdout) == (0, ""), passed.output
                assert "All 1 golden cases passed" in passed.stderr

    asyncio.run(run_beside_server())


@pytest.mark.usefixtures("ann")
def test_golden_without_cases_has_nothing_to_fail(cli):
    for arguments in ((), ("--user", "ann"), ("--workspace", "ann/none")):
        done = cli("golden", *arguments)
        assert (done.exit_code, done.stdout) == (0, "")
        assert "no golden cases" in done.stderr
