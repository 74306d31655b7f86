"""Imports over HTTP: a file that is sent is reported, shown while it is known, and undone; an export comes back."""

import asyncio
import errno
import io
import json
import os
from typing import Any

import pytest

from server.errors import Failure
from server.web import import_endpoint, request_body
from tests.helpers.doors import call_rest, check_refusal, read_answer
from tools.exports.verifying import verify_document

pytestmark = pytest.mark.anyio

LINES = b'{"content":"Tea at four"}\n{"content":"","x":1}\n{"content":"Tea at five"}\n'


async def send(person, content, **query):
    return await person.http.post("/v1/import", params=query, content=content)


async def test_a_file_that_is_sent_is_imported_told_recalled_and_undone(cat):
    dry = await send(cat, LINES, dry_run="true", filename="tea.jsonl")
    assert (dry.status_code, dry.json()["imported"], dry.json()["run"]) == (200, 2, None)
    done = await send(cat, LINES, filename="tea.jsonl")
    report = done.json()
    assert (done.status_code, report["imported"], report["refused"], report["total"]) == (201, 2, 1, 3)
    assert report["refusals"][0]["place"] == "tea.jsonl, line 2"
    found = (await call_rest(cat, "search", {"query": "tea at five"})).body
    assert "Tea at five" in json.dumps(found)
    listed = (await call_rest(cat, "list_imports", {})).body["imports"]
    assert [(each["id"], each["state"], each["source"]) for each in listed] == [(report["run"], "done", "tea.jsonl")]
    shown = (await call_rest(cat, "read_import", {"id": report["run"]})).body
    assert shown["refusals"] == report["refusals"]
    assert (await send(cat, LINES)).json()["skipped"] == 2
    undone = (await call_rest(cat, "undo_import", {"id": report["run"]})).body
    assert undone["deleted"] == 2
    assert (await call_rest(cat, "read_import", {"id": report["run"]})).body["state"] == "undone"
    await check_refusal(cat, "undo_import", {"id": report["run"]}, status=409, code="conflict", says="undone before")


async def test_nothing_is_imported_if_something_is_refused_and_that_is_asked_for(cat):
    answer = read_answer(await send(cat, LINES, on_error="stop"))
    assert (answer.status, answer.error) == (400, "invalid")
    assert "upload, line 2" in answer.body["message"]
    assert (await call_rest(cat, "list_imports", {})).body["imports"] == []
    assert (await send(cat, LINES.splitlines()[0], on_error="stop")).json()["imported"] == 1


async def test_an_export_of_everything_is_imported_into_another_workspace(cat):
    await cat.store("Tea\nat four", tags=["é"])
    await call_rest(cat, "update_working_memory", {"section": "active_work", "content": "Brewing"})
    response = await cat.http.get("/v1/export")
    assert response.headers["content-type"].startswith("application/x-ndjson")
    kinds = [json.loads(line)["kind"] for line in response.text.splitlines()]
    assert kinds == ["loci_export", "workspace", "memory", "section"]
    report = (await send(cat, response.content, workspace="copy")).json()
    assert (report["imported"], report["workspace"]) == (2, "copy")
    copy = (await call_rest(cat, "read_section", {"section": "active_work", "workspace": "copy"})).body
    assert copy["section"]["content"] == "Brewing"


@pytest.mark.parametrize(("form", "media"), [("pam", "application/json"), ("markdown", "application/zip")])
async def test_each_format_is_sent_and_gives_the_same_state(shared, form, media, tmp_path):
    cat, dan = [await shared.add_person(f"{name}-{form}") for name in ("cat", "dan")]
    await cat.store("Tea\nat four", tags=["é"])
    await cat.store("Tea in the attic", workspace="attic")
    await call_rest(cat, "update_working_memory", {"section": "active_work", "content": "Brewing"})
    response = await cat.http.get("/v1/export", params={"format": form, "all_workspaces": "true"})
    assert (response.status_code, response.headers["content-type"]) == (200, media)
    if form == "pam":
        (path := tmp_path / "sent.pam.json").write_bytes(response.content)
        assert verify_document(path, None) == []
    kept = (await cat.http.get("/v1/export", params={"all_workspaces": "true"})).text
    assert kept.count('"kind":"workspace"') == 2
    report = (await send(dan, response.content, workspace="copy")).json()
    assert report["imported"] == 3, report
    listed = (await call_rest(dan, "list_memories", {"workspace": "copy"})).body["memories"]
    assert {each["content"] for each in listed} == {"Tea\nat four", "Tea in the attic"}
    one = await cat.http.get("/v1/export", params={"format": form})
    assert len(one.content) < len(response.content)
    refused = read_answer(await cat.http.get("/v1/export", params={"format": "csv"}))
    assert (refused.status, refused.body["field"]) == (400, "format")


async def test_a_long_document_is_found_by_its_parts_and_fetched_as_a_whole(cat):
    words = [f"word{number}" for number in range(8_000)]
    words[7_500] = "zeppelin"
    report = (await send(cat, f"# Report\n{' '.join(words)}".encode(), filename="report.md")).json()
    assert (report["imported"], report["refused"]) == (3, 0)
    found = (await call_rest(cat, "search", {"query": "zeppelin"})).body["results"]
    part = (await call_rest(cat, "fetch", {"id": found[0]["id"]})).body
    assert len(part["content"]) < len(part["text"])
    assert part["text"].split() == ["Report", *words]
    first = (await call_rest(cat, "fetch", {"id": part["linkages"][0]["id"]})).body
    assert (first["text"], first["metadata"]["part"]) == (part["text"], 1)


async def test_nobody_imports_into_or_reads_of_what_is_not_theirs(cat, dan):
    report = (await send(cat, LINES)).json()
    unknown: dict[str, Any] = {"status": 404, "code": "not_found", "says": "There is no import"}
    await check_refusal(dan, "read_import", {"id": report["run"]}, **unknown)
    await check_refusal(dan, "undo_import", {"id": report["run"]}, **unknown)
    answer = read_answer(await send(dan, LINES, workspace=f"{cat.name}/default"))
    assert answer.status in {403, 404}
    assert len((await dan.http.get("/v1/export")).text.splitlines()) == 1
    assert (await cat.http.post("/v1/import", headers={"authorization": ""}, content=LINES)).status_code == 401


@pytest.mark.parametrize(
    ("query", "field"), [({"on_error": "guess"}, "on_error"), ({"dry_run": "perhaps"}, "dry_run"), ({"x": "1"}, "x")]
)
async def test_a_bad_request_for_an_import_is_refused_before_the_file_is_read(cat, query, field):
    answer = read_answer(await send(cat, LINES, **query))
    assert (answer.status, answer.body["field"]) == (400, field)


async def test_an_empty_body_and_one_that_is_too_large_are_refused(cat, monkeypatch):
    assert read_answer(await send(cat, b"")).error == "malformed"
    monkeypatch.setitem(request_body.BOUNDS, ("POST", "/v1/import"), 10)  # a gigabyte takes too long
    assert read_answer(await send(cat, LINES)).error == "too_large"


async def test_a_large_file_that_comes_too_slowly_gives_its_place_to_others(monkeypatch):
    """Two that never end would take both places, and one byte in half a minute is enough to be no standstill."""
    monkeypatch.setattr(request_body, "GRACE_SECONDS", 0)
    pieces = [request_body.MAX_BODY, 1 << 20, 1]

    async def receive():
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x" * pieces.pop(0), "more_body": True}

    places = asyncio.Semaphore(1)
    body = request_body.RequestBody(receive, request_body.MAX_IMPORT, places)
    await body()
    await body()
    assert places.locked()
    monkeypatch.setattr(request_body, "LEAST_PACE", 1 << 40)
    with pytest.raises(Failure, match="too slowly") as refusal:
        await body()
    body.close()
    assert (refusal.value.code, places.locked()) == ("timed_out", False)


async def test_a_server_without_room_for_the_file_says_so(cat, monkeypatch):
    class FullDisk(io.BytesIO):
        name = "nowhere"

        def write(self, _piece):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(import_endpoint.tempfile, "NamedTemporaryFile", lambda **_options: FullDisk())
    answer = read_answer(await send(cat, LINES))
    assert (answer.status, "`loci import`" in answer.body["message"]) == (503, True)
