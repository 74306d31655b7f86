"""`loci export`, and `loci import` of what it wrote."""

import asyncio
import base64
import json
from pathlib import Path

import pytest
import rfc8785
from portable_ai_memory import MemoryStore, load, validate_memory_store

from server.config import Settings
from server.memory.imports.loci_lines import NOTE_KINDS
from tests.helpers.clock import Clock
from tests.helpers.doors import call_rest
from tests.helpers.site import open_site
from tools.exports.pam_objects import canonicalize

GOLDEN = Path(__file__).parents[2] / "tools" / "imports" / "golden"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\0" * 30
LINKED: list[dict[str, object]] = [
    {
        "content": "The port is 8080.",
        "id": "0193b1c4-0000-7000-8000-000000000001",
        "access_count": 3,
        "repeats": 2,
        "inferred": ["session"],
    },
    {
        "content": "The port is 9090.",
        "id": "0193b1c4-0000-7000-8000-000000000002",
        "linkages": [{"type": "memory", "id": "0193b1c4-0000-7000-8000-000000000001", "label": "supersedes"}],
    },
    {
        "content": "A part",
        "id": "0193b1c4-0000-7000-8000-000000000003",
        "consolidated": 1,
        "consolidated_into": "0193b1c4-0000-7000-8000-000000000004",
    },
    {"content": "The whole", "id": "0193b1c4-0000-7000-8000-000000000004", "relevance": 0.5},
]


async def fill_workspaces(settings):
    """Store something of each kind in two workspaces of ann."""
    clock = Clock()
    async with open_site(settings, clock) as site:
        ann = await site.add_person("ann")

        async def call(operation, **arguments):
            clock.move(minutes=1)
            answer = await call_rest(ann, operation, arguments)
            assert answer.status < 300, answer.text
            return answer.body

        item = await call("add_item", category="waiting_for", title="The bill", next_action="ask", tags=["money"])
        image = {"filename": "a.png", "data": base64.b64encode(PNG).decode()}
        tea = await call("store_memory", content="Tea at four", images=[image], metadata={"a": [1, None]})
        await call("update_memory", id=tea["id"], content="Tea at five")
        await call("link_memories", id=tea["id"], linkages=[{"type": "item", "id": item["id"], "label": "waits for"}])
        await call("update_working_memory", section="skip_list", content="- Tailwind: too large\n- Coffee")
        await call("update_working_memory", section="House", content="Two cats")
        await call("add_skip", item="sugar", reason="health", expires="2099-01-01")
        await call("add_skip", item="milk", reason="taste", expires="until I say so")
        await call("update_identity", crystal="I was new.")
        await call("update_identity", crystal="I know tea.", source_count=1)
        await call("set_setting", key="recall_alpha", value=0.7)
        await call("set_setting", key="half_lives", value={"fact": 30})
        await call("add_entity", name="Maria Ortiz", type="person", aliases=["Mary", "M. Ortiz"])
        await call("add_golden", query="tea?", memory_id=tea["id"])
        await call("add_golden", query="coffee?", text="Coffee", expect="not_recalled", note="there is none")
        await call("store_memory", content="In the other room", workspace="attic")
        await site.services.db.empty_log()


def drop_head(text):
    head, *lines = [json.loads(each) for each in text.splitlines()]
    assert head["kind"] == "loci_export"
    return lines


def test_everything_of_an_account_comes_back_elsewhere_as_it_was(cli, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none", rate_limit=0)
    asyncio.run(fill_workspaces(settings))
    for name in ("vault", "loci.jsonl"):
        assert cli("import", GOLDEN / name, "--user", "ann").exit_code == 0
    (tmp_path / "linked.jsonl").write_text("".join(json.dumps(each) + "\n" for each in LINKED))
    assert cli("import", tmp_path / "linked.jsonl", "--user", "ann").exit_code == 0
    first = cli("export", "--user", "ann", "--out", tmp_path / "first.jsonl")
    assert (first.exit_code, first.output) == (0, "13 memories of 'default', 'attic' were written.\n")
    before = drop_head((tmp_path / "first.jsonl").read_text())
    kinds = {each["kind"] for each in before}
    assert kinds == {*NOTE_KINDS, "memory"}
    assert [each["before"]["content"] for each in before if each["kind"] == "change"][:1] == ["Tea at four"]

    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "elsewhere"))
    cli("user", "add", "bob", "--password-stdin", stdin="correct horse battery\n")
    brought = cli("import", tmp_path / "first.jsonl", "--user", "bob")
    assert (brought.exit_code, " 0 refused" in brought.output) == (0, True), brought.output
    assert drop_head(cli("export", "--user", "bob").stdout) == before
    again = json.loads(cli("import", tmp_path / "first.jsonl", "--user", "bob", "--json").stdout)
    assert [(each["workspace"], each["imported"], each["refused"]) for each in again] == [
        ("default", 0, 0),
        ("attic", 0, 0),
    ]
    (vault,) = json.loads(cli("import", GOLDEN / "vault", "--user", "bob", "--json").stdout)
    assert (vault["imported"], vault["skipped"]) == (0, 4), "the export has the keys of what was imported there"
    assert drop_head(cli("export", "--user", "bob").stdout) == before

    run = next(line for line in brought.output.splitlines() if line.startswith("To undo")).split()[6]
    assert "12 memories were deleted" in cli("import", "--undo", run, "--user", "bob").output
    left = drop_head(cli("export", "--user", "bob", "--workspace", "default").stdout)
    assert [each["kind"] for each in left] == ["workspace"]


def test_a_document_of_pam_is_accepted_by_pams_own_validator_and_gives_the_same_state(cli, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none", rate_limit=0)
    asyncio.run(fill_workspaces(settings))
    cli("import", GOLDEN / "vault", "--user", "ann")
    (tmp_path / "linked.jsonl").write_text("".join(json.dumps(each) + "\n" for each in LINKED))
    cli("import", tmp_path / "linked.jsonl", "--user", "ann")
    before = drop_head(cli("export", "--user", "ann").stdout)
    path = tmp_path / "memories.pam.json"
    assert cli("export", "--user", "ann", "--format", "pam", "--out", path).exit_code == 0

    store = load(path)
    assert isinstance(store, MemoryStore)
    result = validate_memory_store(store)
    assert (result.is_valid, result.issues) == (True, [])
    assert store.integrity is not None
    assert store.integrity.total_memories == len(store.memories) == len(before)
    assert [each.type for each in store.relations if each.to == LINKED[0]["id"]] == ["supersedes"]
    document = json.loads(path.read_text())
    objects = document["memories"]
    assert [rfc8785.dumps(each) for each in objects] == [canonicalize(each) for each in objects]

    good = cli("verify-export", path)
    assert (good.exit_code, "as it was signed" in good.output) == (0, True), good.output
    assert cli("verify-export", path, "--key", "another").exit_code == 1
    document["memories"][3]["content"] += " and more"
    (tmp_path / "changed.json").write_text(json.dumps(document))
    changed = cli("verify-export", tmp_path / "changed.json")
    assert (changed.exit_code, "The signature is not that" in changed.output) == (1, True)
    (tmp_path / "other.json").write_text("[1]")
    assert "no document" in cli("verify-export", tmp_path / "other.json").output

    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "elsewhere"))
    cli("user", "add", "bob", "--password-stdin", stdin="correct horse battery\n")
    assert " 0 refused" in cli("import", path, "--user", "bob").output
    assert drop_head(cli("export", "--user", "bob").stdout) == before


def test_a_folder_of_markdown_is_for_people_and_gives_the_same_state(cli, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none", rate_limit=0)
    asyncio.run(fill_workspaces(settings))
    (tmp_path / "linked.jsonl").write_text(
        "".join(
            json.dumps(each) + "\n" for each in [*LINKED, {"content": "# A title\r\n\n---\n\n## Links\n\n- none \n"}]
        )
    )
    cli("import", tmp_path / "linked.jsonl", "--user", "ann")
    before = drop_head(cli("export", "--user", "ann").stdout)
    folder = tmp_path / "notes"
    assert "Name the folder" in cli("export", "--user", "ann", "--format", "markdown").output
    written = cli("export", "--user", "ann", "--format", "markdown", "--out", folder)
    assert (written.exit_code, "7 memories of 'default', 'attic'" in written.output) == (0, True), written.output
    old, new = (folder / "001 default/2 memories/000").glob("*The port is*")
    text = max(old, new).read_text()
    assert text.startswith('---\nloci: "memory"\n')
    assert text.endswith("---\nThe port is 9090.\n\n## Links\n\n- supersedes [[000002 The port is 8080]]")
    assert (folder / "001 default/4 working memory/000/000002 House.md").exists()

    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "elsewhere"))
    cli("user", "add", "bob", "--password-stdin", stdin="correct horse battery\n")
    assert " 0 refused" in cli("import", folder, "--user", "bob").output
    assert drop_head(cli("export", "--user", "bob").stdout) == before


@pytest.mark.usefixtures("ann")
def test_one_workspace_is_exported_and_brought_under_another_name(cli, tmp_path):
    (tmp_path / "linked.jsonl").write_text("".join(json.dumps(each) + "\n" for each in LINKED))
    cli("import", tmp_path / "linked.jsonl", "--user", "ann")
    first = cli("export", "--user", "ann", "--workspace", "default")
    (tmp_path / "first.jsonl").write_text(first.stdout[first.stdout.index("{") :])
    cli("import", tmp_path / "first.jsonl", "--user", "ann", "--into", "copy")
    copy = drop_head(cli("export", "--user", "ann", "--workspace", "copy").stdout)
    assert [each.get("content") for each in copy] == [None, *(each["content"] for each in LINKED), None]
    old, new, part, whole, keys = copy[1:]
    assert set(keys["keys"].values()) == {each["id"] for each in copy[1:5]}, "they were imported under other ids"
    assert (old["superseded_by"], old["repeats"], old["access_count"]) == (new["id"], 2, 3)
    assert part["consolidated_into"] == whole["id"] != LINKED[3]["id"]


@pytest.mark.usefixtures("ann")
def test_an_export_overwrites_nothing_and_knows_no_workspace_of_others(cli, tmp_path):
    (tmp_path / "there.jsonl").write_text("mine")
    for arguments, words in (
        (["--out", tmp_path / "there.jsonl"], "exists already"),
        (["--workspace", "attic"], "no workspace named 'attic'"),
        (["--workspace", "strangers/home"], "that ann may use"),
    ):
        answer = cli("export", "--user", "ann", *arguments)
        assert (answer.exit_code, words in answer.output) == (1, True), answer.output
    assert (tmp_path / "there.jsonl").read_text() == "mine"
