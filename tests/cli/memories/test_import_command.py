"""`loci import`, alone and beside a server."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from server.config import Settings
from tests.helpers.bad_files import make_bad_files
from tests.helpers.clock import Clock
from tests.helpers.site import open_site

GOLDEN = Path(__file__).parents[2] / "tools" / "imports" / "golden"


@pytest.mark.usefixtures("ann")
def test_an_import_prints_its_report_and_how_to_undo_it(cli):
    dry = cli("import", GOLDEN / "memory.jsonl", "--user", "ann", "--dry-run")
    assert (dry.exit_code, "5 would be imported" in dry.output) == (0, True)
    done = cli("import", GOLDEN / "memory.jsonl", "--user", "ann")
    assert (done.exit_code, "memory.jsonl into 'default': 5 imported, 0 skipped" in done.output) == (0, True)
    assert "refused: memory.jsonl, line 4: is not JSON" in done.output
    again = cli("import", GOLDEN / "memory.jsonl", "--user", "ann", "--json")
    (report,) = json.loads(again.stdout)
    assert (report["imported"], report["skipped"], report["refused"], report["total"]) == (0, 5, 2, 7)
    run = re.search(r"--undo (\S+)", done.output)
    assert run is not None
    undone = cli("import", "--undo", run[1], "--user", "ann")
    assert (undone.exit_code, "5 memories were deleted" in undone.output) == (0, True)


@pytest.mark.usefixtures("ann")
def test_bad_requests_get_a_sentence_and_exit_code_1(cli, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"content":"x",\n{"content":}\n{"content":\n')
    for arguments, words in (
        (["missing.json"], "There is no file missing.json"),
        ([], "Name the file"),
        (["--undo", "nothing"], "There is no workspace"),
        ([tmp_path / "bad.jsonl"], "refused"),
        ([GOLDEN, "--into", "strangers/home"], "that ann may use"),
    ):
        answer = cli("import", *arguments, "--user", "ann")
        assert (answer.exit_code, words in answer.output) == (1, True), answer.output
    assert "There is no user" in cli("import", GOLDEN, "--user", "nobody").output


def test_what_is_imported_beside_a_running_server_is_recalled_by_it(cli, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none", rate_limit=0)

    async def run_beside_server():
        async with open_site(settings, Clock()) as site:
            ann = await site.add_person("ann")
            await ann.store("something else")
            done = await asyncio.to_thread(cli, "import", GOLDEN / "memory.jsonl", "--user", "ann")
            assert done.exit_code == 0, done.output
            await site.services.projection.flush()  # as the loop does every five seconds
            answer = (await ann.http.post("/v1/context", json={"message": "Which port do the Invoices run on?"})).json()
            assert "runs on port 8443" in json.dumps(answer)

    asyncio.run(run_beside_server())


@pytest.mark.usefixtures("ann")
def test_a_folder_of_bad_files_is_told_file_by_file_and_the_good_rest_is_imported(cli, tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    files = make_bad_files()
    for name, (content, _, _) in files.items():
        (folder / name).write_bytes(content)
    (folder / "link.md").symlink_to("/etc/passwd")
    done = cli("import", folder, "--user", "ann", "--json")
    assert (done.exit_code, done.exception) == (0, None), done.output
    (report,) = json.loads(done.stdout)
    told = [f"{each['place']} {each['reason']}" for each in report["refusals"]]
    wanted = {"link.md": "link"} | {name: words for name, (_, words, _) in files.items() if words}
    for name, words in wanted.items():
        assert any(words in each and (name in each or name.endswith(".zip")) for each in told), (name, told)
    assert report["imported"] == sum(count for _, _, count in files.values())
    assert report["imported"] + report["skipped"] + report["refused"] == report["total"]
