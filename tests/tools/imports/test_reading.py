"""Golden files of each format, and what is made of them. They are written after the published shapes."""

import json
import shutil
import sqlite3
import zipfile
from pathlib import Path

import pytest

from server.memory.imports.item import Item, Note, Refusal
from tools.imports import records
from tools.imports.reading import read_entries

GOLDEN = Path(__file__).parent / "golden"


def read(path):
    """Return the items, and the refusals as (place, reason)."""
    entries = [*read_entries(path)]
    refused = [(each.place, each.reason) for each in entries if isinstance(each, Refusal)]
    assert not [each for each in entries if isinstance(each, Note)]
    return [each for each in entries if isinstance(each, Item)], refused


def texts(items):
    return [each.values["content"] for each in items]


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_the_graph_of_the_official_memory_server_becomes_memories_about_its_entities():
    items, refused = read(GOLDEN / "memory.jsonl")
    assert texts(items) == [
        "leads the payments team",
        "prefers Postgres over MySQL",
        "Ledger (project)",
        "Maria Ortiz works on Ledger",
        "runs on port 8443",
    ]
    assert [each.values["entity"] for each in items] == ["Maria Ortiz"] * 2 + ["Ledger", "Maria Ortiz", "Invoices"]
    assert [link.label for link in items[3].links] == [None, "works_on"]
    assert [place for place, _ in refused] == ["memory.jsonl, line 4", "memory.jsonl, line 6"]


def test_each_section_of_a_file_of_instructions_is_an_instruction_with_its_headings():
    items, refused = read(GOLDEN / "CLAUDE.md")
    assert texts(items) == [
        "Use the Makefile for everything.",
        "Style > Python\n\nType hints everywhere. #python\n\n```\n# this is no heading\n```",
        "Tests\n\nRun `make test` before each commit.",
    ]
    assert {each.values["type"] for each in items} == {"instruction"}
    assert (items[1].values["tags"], refused) == (["python"], [])


def test_a_vault_gives_frontmatter_tags_and_wiki_links_and_its_programs_are_passed_over():
    items, refused = read(GOLDEN / "vault")
    assert texts(items) == [
        "A double-entry book of [[Maria Ortiz]]. Belongs to [[Pay]].",
        "The body stays.",
        "The payments team keeps the ledger, see [[Ledger]].",
        "People\n\n- led_by [[Maria Ortiz|Maria]]\n- [decision] Weekly demo on Fridays #rhythm",
    ]
    assert [(each.name, each.label) for each in items[3].links] == [("note maria ortiz", "led_by")]
    assert {"note pay", "note payments"} <= {*items[2].names}
    assert items[3].values["tags"] == ["team", "money", "rhythm"]
    assert items[3].values["occurred_at"] == "2025-06-01"
    assert [place for place, _ in refused] == ["Maria Ortiz.md, frontmatter"]


def test_chatgpts_conversations_become_the_messages_of_all_branches(tmp_path):
    content = (GOLDEN / "conversations_chatgpt.json").read_text()
    path = make_zip(tmp_path / "export.zip", {"conversations.json": content, "chat.html": "<html>", "user.json": "{}"})
    items, refused = read(path)
    assert texts(items) == ["We travel to Porto in May.", "Take the train.", "book('train')"]
    assert [each.values["author"] for each in items] == ["user", "assistant", "assistant"]
    assert [each.values["occurred_at"] for each in items] == [
        "2025-06-01T12:00:01.000Z",
        "2025-06-01T12:00:02.000Z",
        "2025-06-01T12:00:00.500Z",
    ]
    assert {each.values["session"] for each in items} == {"c1"}
    assert refused == [("conversations.json, record 2", "is a conversation without an id")]


@pytest.mark.parametrize("layout", ["one zip", "zips in a zip", "a file for each project"])
def test_claudes_export_gives_conversations_memories_and_projects_in_each_layout(layout, tmp_path):
    files = {each.name: each.read_text() for each in (GOLDEN / "claude").iterdir()}
    if layout == "zips in a zip":
        for name in ("conversations", "memories"):
            inner = make_zip(tmp_path / name, {f"{name}/000.json": files.pop(f"{name}.json")})
            files[f"{name}-000.zip"] = inner.read_bytes()
    elif layout == "a file for each project":
        files["projects/p-1.json"] = json.dumps(json.loads(files.pop("projects.json"))[0])
        files["memories/acc.json"] = json.dumps(json.loads(files.pop("memories.json"))[0])
    items, refused = read(make_zip(tmp_path / "data-2026-batch-0000.zip", files))
    assert sorted(texts(items)) == sorted(
        [
            "Our budget is 4,000 euros.",
            "Rent: 900",
            "Noted.",
            "**Work**\n\nAnn builds memory servers.",
            "Taste\n\nShe likes short answers.",
            "The thesis is due in June.",
            "A thesis on trains",
            "Answer in German.",
            "1. Rails 2. Wheels",
        ]
    )
    assert refused == []


def test_the_newest_memories_of_claude_are_files(tmp_path):
    files = [{"path": "work.md", "content": "# Work\nAnn builds servers."}]
    (tmp_path / "m.json").write_text(json.dumps([{"memory_files": files, "account_uuid": "a"}]))
    items, refused = read(tmp_path / "m.json")
    assert (texts(items), refused) == (["Work\n\nAnn builds servers."], [])


def test_mem0_gives_the_memories_of_its_list_and_of_its_vector_store():
    items, refused = read(GOLDEN / "mem0.json")
    assert texts(items) == ["Likes window seats", "Allergic to nuts"]
    first = items[0].values
    assert (first["author"], first["session"], first["tags"]) == ("ann", "r1", ["travel"])
    assert (first["occurred_at"], refused) == ("2025-11-20T08:00:00.123456-08:00", [])


def write_claude_mem_database(path):
    loaded = json.loads((GOLDEN / "claude_mem.json").read_text())
    tables = {"observations": "observations", "summaries": "session_summaries", "prompts": "user_prompts"}
    with sqlite3.connect(path) as connection:
        for section, table in tables.items():
            rows = loaded[section]
            marks = ", ".join("?" * len(rows[0]))
            connection.execute(f"CREATE TABLE {table} ({', '.join(rows[0])})")
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [[*row.values()] for row in rows])  # noqa: S608 - ours
    connection.close()
    return path


@pytest.mark.parametrize("container", ["json", "database", "database in a zip"])
def test_claude_mem_gives_observations_summaries_and_prompts(container, tmp_path):
    path = GOLDEN / "claude_mem.json"
    if container != "json":
        path = write_claude_mem_database(tmp_path / "claude-mem.db")
    if container == "database in a zip":
        path = make_zip(tmp_path / "all.zip", {"claude-mem.db": path.read_bytes()})
    items, refused = read(path)
    assert texts(items) == [
        "Fixed the rounding\n\nCents were lost\n\nAmounts are integers now.\n\n- Amounts are in cents",
        "Request: Fix rounding\nLearned: Floats lose cents\nCompleted: Integers",
        "fix the rounding please",
    ]
    assert [each.values["type"] for each in items] == ["bugfix", "summary", "prompt"]
    assert items[0].values["metadata"] == {"files": ["ledger/amount.py"]}
    assert refused == []


@pytest.mark.parametrize("container", ["json", "database"])
def test_mcp_memory_service_gives_its_memories(container, tmp_path):
    path = GOLDEN / "mcp_memory_service.json"
    if container == "database":
        rows = json.loads(path.read_text())["memories"]
        path = tmp_path / "sqlite_vec.db"
        with sqlite3.connect(path) as connection:
            connection.execute(
                "CREATE TABLE memories (content, content_hash, tags, memory_type, metadata, created_at, deleted_at)"
            )
            names = ("content", "content_hash", "tags", "memory_type", "metadata", "created_at")
            for row in rows:
                values = [json.dumps(row[name]) if name == "metadata" else row[name] for name in names]
                values[2] = row["tags"] if isinstance(row["tags"], str) else ",".join(row["tags"])
                connection.execute("INSERT INTO memories VALUES (?, ?, ?, ?, ?, ?, NULL)", values)
            connection.execute("INSERT INTO memories VALUES ('gone', '9c', '', 'note', '{}', 1.0, 2.0)")
        connection.close()
    items, refused = read(path)
    assert texts(items) == ["Deploys happen on Tuesdays", "In the year 9999"]
    assert items[0].values["occurred_at"] == "2025-06-15T15:06:40.250Z"
    assert ([each.values["tags"] for each in items], refused) == ([["ops"], ["a", "b"]], [])


def test_the_lists_and_banks_of_other_programs_give_their_memories_with_links():
    instruction, decision = read(GOLDEN / "memento.json")[0]
    assert (instruction.values["type"], decision.values["tags"]) == ("instruction", ["ops"])
    assert [(each.name, each.label, each.path) for each in decision.links] == [
        ("memento m1", "refines", None),
        ("memento None", "done by", "ops/deploy.sh"),
    ]
    document, lift, demo = read(GOLDEN / "hindsight")[0]
    assert (document.values["type"], lift.values["entity"], demo.values["entity"]) == ("document", "lift", "demo")
    assert [each.label for each in demo.links] == ["from", "caused_by"]
    assert demo.links[1].name in lift.names
    assert texts(read(GOLDEN / "letta.af")[0]) == ["human\n\nChad likes surfing.", "persona\n\nI am Sam."]
    items, refused = read(GOLDEN / "gemini.json")
    assert texts(items) == [
        "Plan a trip to Porto",
        "Day 1: the river & port wine.\nDay 2",
        "And trains?",
        "From Lisbon, hourly.",
    ]
    assert ([each.values.get("session") for each in items], len(refused)) == (["abc123", "abc123", None, None], 1)
    assert texts(read(GOLDEN / "mem0_qdrant.json")[0]) == ["Prefers tea", "Lives in Porto"]
    assert texts(read(GOLDEN / "mem0_pgvector.jsonl")[0]) == ["Plays the cello", "Owns a boat"]
    dark, runs = read(GOLDEN / "foreign.pam.json")[0]
    assert (dark.values["session"], dark.values["source"], runs.values["type"]) == ("c9", "chatgpt", "habit")
    assert [(each.name, each.label) for each in runs.links] == [("pam a", "refines")]
    assert runs.values["metadata"] == {"platform": "claude", "status": "archived"}


def test_a_format_is_told_by_what_is_in_the_file_and_not_by_its_name(tmp_path):
    items, _ = read(GOLDEN / "memory.jsonl")
    for name in ("notes.md", "conversations.json", "mem0"):
        found, _ = read(shutil.copy(GOLDEN / "memory.jsonl", tmp_path / name))
        assert texts(found) == texts(items)


def test_a_text_in_utf_16_is_read_and_one_that_is_no_utf_8_is_refused_with_its_place(tmp_path):
    (tmp_path / "a.md").write_text("Grüße an Zoë", "utf-16")
    (tmp_path / "b.jsonl").write_text((GOLDEN / "memory.jsonl").read_text(), "utf-16")
    (tmp_path / "c.md").write_bytes(b"gr\xfc\xdfe")
    (tmp_path / "d.jsonl").write_bytes(b'{"content":"one"}\n{"content":"gr\xfc"}\n{"content":"two"}\n')
    (tmp_path / "e.md").write_bytes(b"\xff\xfeh\x00\x00\xdca\x00")
    items, refused = read(tmp_path)
    assert [each for each in texts(items) if each in ("Grüße an Zoë", "one", "two")] == ["Grüße an Zoë", "one", "two"]
    assert len(items) == 8
    places = [place for place, _ in refused]
    assert places == ["b.jsonl, line 4", "b.jsonl, line 6", "c.md", "d.jsonl, line 2", "e.md"]


def test_a_line_that_is_too_long_is_told_by_its_number_and_the_others_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MOST_LINE", 1_000)
    path = tmp_path / "lines.jsonl"
    path.write_text('{"content":"one"}\n{"content":"' + "x" * 5_000_000 + '"}\n{"content":"two"}\n')
    items, refused = read(path)
    assert texts(items) == ["one", "two"]
    ((place, reason),) = refused
    assert (place, reason.startswith("has ")) == ("lines.jsonl, line 2", True)


def test_a_large_object_is_read_record_by_record_and_a_broken_end_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "WHOLE", 100)
    whole, _ = read(GOLDEN / "claude_mem.json")
    assert len(whole) == 3
    path = tmp_path / "cut.json"
    path.write_text((GOLDEN / "claude_mem.json").read_text()[:-120])
    items, refused = read(path)
    assert texts(items) == texts(whole)[:2]
    assert [place for place, _ in refused] == ["cut.json, prompts"]


def test_a_list_that_breaks_off_keeps_the_records_before(tmp_path):
    path = tmp_path / "conversations.json"
    path.write_text((GOLDEN / "claude" / "conversations.json").read_text().strip()[:-1] + ',{"uuid":')
    items, refused = read(path)
    assert len(items) == 3
    assert "after record 1" in refused[0][1]


def test_json_that_is_nested_deep_ends_soon_and_a_note_that_begins_with_a_link_is_a_note(tmp_path):
    for name, text in (
        ("list.json", '[{"content":"one"},{"a":'),
        ("object.json", '{"memories":[{"content":"one"},{"a":'),
    ):
        (tmp_path / name).write_text(text + "[" * 300_000)
        items, refused = read(tmp_path / name)
        assert (len(items), len(refused)) == (name == "list.json", 1)
        assert "nested too deep" in refused[0][1]
    (tmp_path / "a.md").write_text("[[Ledger]] is a book.")
    (tmp_path / "b.md").write_text("[[" * 100_000)
    items, _ = read(tmp_path / "a.md")
    assert (texts(items), [each.name for each in items[0].links]) == (["[[Ledger]] is a book."], ["note ledger"])
    assert len(read(tmp_path / "b.md")[0]) > 5


def test_zips_that_lie_about_their_size_or_their_method_are_refused_by_member(tmp_path):
    data = make_zip(tmp_path / "lie.zip", {"a.json": b'[{"content":"x"}]' + b" " * 1_000_000}).read_bytes()
    size, method = (1_000_017).to_bytes(4, "little"), (8).to_bytes(2, "little")
    (tmp_path / "lie.zip").write_bytes(data.replace(size, (100).to_bytes(4, "little")))
    (tmp_path / "strange.zip").write_bytes(data.replace(method, (99).to_bytes(2, "little")))
    make_zip(tmp_path / "back.zip", {"..\\..\\up.md": "climbs", "good.md": "A good note."})
    for name, place, count in (("lie.zip", "a.json", 0), ("strange.zip", "a.json", 0), ("back.zip", "back.zip/", 1)):
        items, refused = read(tmp_path / name)
        assert (len(items), refused[0][0].startswith(place)) == (count, True), refused


def test_zips_that_are_damaged_encrypted_or_lead_elsewhere_are_refused_by_member(tmp_path):
    path = tmp_path / "bad.zip"
    link = zipfile.ZipInfo("link.md")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/up.md", "climbs")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bomb.json", b"[" + b" " * (40 << 20) + b"]")
        archive.writestr("good.md", "A good note.")
    items, refused = read(path)
    assert texts(items) == ["A good note."]
    assert [place for place, _ in refused] == ["bad.zip/../../etc/up.md", "bad.zip/link.md", "bad.zip/bomb.json"]
    data = bytearray(make_zip(tmp_path / "plain.zip", {"a.md": "secret"}).read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        data[data.index(mark) + (6 if mark == b"PK\x03\x04" else 8)] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    assert "encrypted" in read(tmp_path / "locked.zip")[1][0][1]
    (tmp_path / "cut.zip").write_bytes(path.read_bytes()[:200])
    assert read(tmp_path / "cut.zip")[1][0][0] == "cut.zip"


def test_links_in_a_folder_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    folder = tmp_path / "vault"
    folder.mkdir()
    (folder / "link.md").symlink_to(outside / "secret.md")
    (folder / "more").symlink_to(outside)
    items, refused = read(folder)
    assert (items, [place for place, _ in refused]) == ([], ["more", "link.md"])


def test_a_long_document_becomes_parts_that_link_to_the_first_and_lose_no_word(tmp_path):
    words = [f"word{number}" for number in range(20_000)]
    (tmp_path / "long.md").write_text("# Long\n" + " ".join(words))
    items, _ = read(tmp_path)
    assert len(items) > 4
    assert " ".join(texts(items)).replace("Long\n\n", "").split() == words
    assert {link.label for each in items[1:] for link in each.links} == {"part_of"}
    assert {link.name for each in items[1:] for link in each.links} <= {*items[0].names}


def test_a_file_of_no_known_format_is_refused_if_it_was_named(tmp_path):
    (tmp_path / "a.json").write_text('{"hello": "world"}')
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    assert len(read(tmp_path / "a.json")[1]) == 1
    assert len(read(tmp_path / "b.bin")[1]) == 1
    assert read(tmp_path) == ([], [])
