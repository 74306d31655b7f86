"""`loci export`, and `loci import` of what it wrote."""

import json
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "tools" / "imports" / "golden"
LINKED = [
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


@pytest.mark.usefixtures("ann")
def test_an_export_that_is_imported_elsewhere_gives_the_same_memories_field_by_field(cli, tmp_path, monkeypatch):
    (tmp_path / "linked.jsonl").write_text("".join(json.dumps(each) + "\n" for each in LINKED))
    for path in (GOLDEN / "vault", GOLDEN / "loci.jsonl", tmp_path / "linked.jsonl"):
        assert cli("import", path, "--user", "ann").exit_code == 0
    first = cli("export", "--user", "ann", "--out", tmp_path / "first.jsonl")
    assert (first.exit_code, first.output) == (0, "11 memories of 'default' were written.\n")
    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "elsewhere"))
    cli("user", "add", "bob", "--password-stdin", stdin="correct horse battery\n")
    brought = cli("import", tmp_path / "first.jsonl", "--user", "bob", "--into", "new")
    assert "11 imported, 0 skipped (imported before), 0 refused" in brought.output
    second = cli("export", "--user", "bob", "--workspace", "new")
    before, after = (tmp_path / "first.jsonl").read_text().splitlines(), second.stdout.splitlines()
    assert [json.loads(each) for each in after[1:12]] == [json.loads(each) for each in before[1:]]
    assert json.loads(before[0])["kind"] == json.loads(after[0])["kind"] == "loci_export"
    replaced = json.loads(before[-4])
    assert (replaced["superseded_by"], replaced["repeats"], replaced["access_count"]) == (LINKED[1]["id"], 2, 3)
    assert json.loads(before[-2])["consolidated_into"] == LINKED[3]["id"]


@pytest.mark.usefixtures("ann")
def test_an_export_overwrites_nothing_and_knows_no_workspace_of_others(cli, tmp_path):
    (tmp_path / "there.jsonl").write_text("mine")
    for arguments, words in (
        (["--out", tmp_path / "there.jsonl"], "exists already"),
        ([], "no workspace 'default'"),
        (["--workspace", "strangers/home"], "that you may use"),
    ):
        answer = cli("export", "--user", "ann", *arguments)
        assert (answer.exit_code, words in answer.output) == (1, True), answer.output
    assert (tmp_path / "there.jsonl").read_text() == "mine"
