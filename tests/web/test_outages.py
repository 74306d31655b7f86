"""If the record's disk is full or its file is damaged, callers, /readyz, the log and doctor say so."""

import asyncio
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import product
from pathlib import Path
from string import ascii_lowercase

import httpx
import pytest
import structlog
from sqlalchemy import event
from typer.testing import CliRunner

from server.cli import app
from server.cli.common import find_store_outage
from server.logs import configure_logs
from server.store.outage import find_outage
from server.store.search.seam import EngineDown
from tests.helpers.doors import call_tool
from tests.helpers.programs.processes import find_free_port
from tests.helpers.site import NO_TLS, open_site
from tests.helpers.statements import note_statements
from tools.entities.listing import STILL_READING

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
LONG = "heron " * 5000
FULL = "The server's disk is full. Nothing can be stored until its operator makes room."


async def fill_disk(db):
    """Let SQLite refuse every page more, as it does on a full disk."""
    async with db.write() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
    engine = db._writer.sync_engine  # noqa: SLF001 - no other way to fill its disk
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}"))


def damage_table(path, table):
    """Overwrite the first page of a table, as a broken disk may do."""
    with closing(sqlite3.connect(path)) as record:
        record.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = record.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
        (size,) = record.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


async def test_a_full_disk_is_named_at_both_doors_and_what_is_stored_can_still_be_read(site, ann):
    memory_id = await ann.store("the heron waits")
    await fill_disk(site.services.db)
    answer = await ann.http.post("/v1/memories", json={"content": LONG})
    assert (answer.status_code, answer.json()["error"], answer.json()["message"]) == (503, "unavailable", FULL)
    assert answer.headers["retry-after"] == "60"
    assert (await call_tool(ann, "store_memory", {"content": LONG})).text == f"unavailable: {FULL}"
    assert (await ann.http.get(f"/v1/memories/{memory_id}")).status_code == 200
    found = (await ann.http.post("/v1/context", json={"message": "where is the heron?"})).json()
    assert [match["content"] for match in found["memories"]["matches"]] == ["the heron waits"]


async def test_entities_are_listed_from_what_was_read_before_the_disk_was_full(site, ann):
    await ann.store("the heron waits", entity="pond")
    (entity,) = (await ann.http.get("/v1/entities")).json()["entities"]
    await ann.store(" met ".join(f"Ka{one}la Mo{two}e" for one, two in product(ascii_lowercase[:16], repeat=2)))
    await fill_disk(site.services.db)
    answer = (await ann.http.get("/v1/entities")).json()
    assert (answer["meta"]["notice"], [each["name"] for each in answer["entities"]]) == (STILL_READING, ["pond"])
    assert (await ann.http.get(f"/v1/entities/{entity['id']}")).json()["entity"]["name"] == "pond"


async def test_a_full_disk_is_one_short_line_a_minute_in_the_log(site, ann, capsys):
    seconds = 1000.0
    await fill_disk(site.services.db)
    configure_logs("json", find_outage, lambda: seconds)
    for _ in range(3):
        assert (await ann.http.post("/v1/memories", json={"content": LONG})).status_code == 503
        assert (await call_tool(ann, "store_memory", {"content": LONG})).error == "unavailable"
    seconds += 60
    assert (await ann.http.post("/v1/memories", json={"content": LONG})).status_code == 503
    text = capsys.readouterr().err
    lines = [json.loads(line) for line in text.splitlines()]
    outages = [line for line in lines if "outage" in line]
    assert [(line["event"], line["outage"], line["reason"], line["left_out"]) for line in outages] == [
        ("request.failed", "full", "database or disk is full", 0),
        ("request.failed", "full", "database or disk is full", 5),
    ]
    assert {line["level"] for line in outages} == {"error"}
    assert "Traceback" not in text


def ask_engine():
    raise EngineDown("the disk is full")


def test_a_search_store_that_is_down_is_one_short_line_a_minute_for_each_kind(capsys):
    seconds = 1000.0
    configure_logs("json", find_store_outage, lambda: seconds)
    log = structlog.get_logger("ours")
    try:
        for _ in range(2):
            for number in range(3):
                log.warning("projection.behind", workspace=str(number), error="EngineDown", reason="full")
            log.warning("projection.behind", workspace="1", error="OSError", reason="other")
            log.warning("projection.rebuilt", workspace="1", error="EngineDown", reason="full")
            try:
                ask_engine()
            except EngineDown:
                log.exception("request.failed")
            seconds += 60
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    once = [("projection.behind", "EngineDown"), ("projection.behind", "OSError"), ("projection.rebuilt", "EngineDown")]
    assert [(line["event"], line.get("error")) for line in lines] == [*once, ("request.failed", None)] * 2
    assert [line.get("left_out") for line in lines] == [0, 0, None, 0, 2, 0, None, 0]
    assert (lines[3]["outage"], lines[3]["reason"]) == ("search store down", "the disk is full")
    assert "exception" not in lines[3]


async def test_a_damaged_page_is_a_503_with_a_plain_message_and_one_line_and_readyz_says_so(settings, clock, capsys):
    async with open_site(settings, clock) as site:
        ann = await site.add_person()
        memory_id = await ann.store("the heron waits")
    damage_table(settings.data_dir / "loci.db", "memories")
    configure_logs("text", find_outage)  # the work of the background meets the damage, too
    async with open_site(settings, clock) as site:
        http = site.client(ann.key)
        for _ in range(2):
            answer = await http.get(f"/v1/memories/{memory_id}")
            assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
            assert answer.json()["message"].startswith("The server's database is damaged")
        assert (await http.get("/v1/memories/export")).status_code == 503
        ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["record"]) == (503, "damaged")
    text = capsys.readouterr().err
    # Whoever meets the damage first says so: a request, or a work of the background.
    assert (text.count("outage=damaged"), "Traceback" in text) == (1, False)


async def test_doctor_names_a_damaged_page(settings, clock, monkeypatch):
    async with open_site(settings, clock) as site:
        await (await site.add_person()).store("the heron waits")
    monkeypatch.setenv("LOCI_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "none")

    def run_doctor():
        return " ".join(CliRunner().invoke(app, ["doctor"]).stderr.split())

    assert "ok record: SQLite answers, can be written and is whole" in await asyncio.to_thread(run_doctor)
    damage_table(settings.data_dir / "loci.db", "memories")
    told = await asyncio.to_thread(run_doctor)
    assert "FAIL record: damaged: " in told
    assert "restore a backup" in told
    (settings.data_dir / "loci.db").write_bytes(b"no database" * 1000)
    told = await asyncio.to_thread(run_doctor)
    assert "FAIL record: The record is damaged: file is not a database. Stop the server" in told


async def test_readyz_tries_a_write_at_most_every_five_seconds(site, clock):
    http = site.client()
    with note_statements("user_version") as writes:
        await asyncio.gather(*(http.get("/readyz") for _ in range(5)))
        assert len(writes) == 1
        clock.move(seconds=4)
        await http.get("/readyz")
        assert len(writes) == 1
        clock.move(seconds=1)
        assert (await http.get("/readyz")).json()["record"] == "ok"
        assert len(writes) == 2


async def test_readyz_says_that_a_full_disk_is_full_and_that_there_is_room_again(site, clock, monkeypatch):
    async def refuse():
        raise OSError(28, "No space left on device")

    http = site.client()
    with monkeypatch.context() as patch:
        patch.setattr(site.services.db, "check_write", refuse)
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["record"], answer.headers["retry-after"]) == (503, "disk full", "5")
    clock.move(seconds=5)
    assert (await http.get("/readyz")).status_code == 200


async def test_a_server_whose_files_cannot_be_written_is_not_ready(settings):
    port = find_free_port()
    environ = {"LOCI_DATA_DIR": str(settings.data_dir), "LOCI_EMBEDDING_MODEL": "none", "LOCI_PORT": str(port)}
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here
        [sys.executable, "-m", "server", "serve"],
        cwd=ROOT,
        env=os.environ | environ,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        try:
            assert any("Loci is at" in line for line in server.stderr)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, verify=NO_TLS) as http:
                before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
                refused = await http.get("/readyz")
                resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=60)
    assert (refused.status_code, refused.json()["record"]) == (503, "unavailable")
    assert server.returncode == 0
