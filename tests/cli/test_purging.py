"""The commands that erase for good, show the receipts, prove that it is gone, and let it be remembered again."""

import json

WORD = "unmistakablesecretword"


def count_imported(cli, file):
    """Import a file; return the numbers of memories that were imported and refused."""
    (report,) = json.loads(cli("import", file, "--user", "ann", "--json").stdout)
    return report["imported"], report["refused"]


def test_what_is_purged_is_gone_from_the_disk_and_comes_back_only_after_a_person_lifts_that(cli, ann, tmp_path):  # noqa: ARG001 - ann is first
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    text = f"Ann keeps the {WORD} under the blue stone."
    first.write_text(json.dumps({"content": text}) + "\n")
    second.write_text(json.dumps({"content": text.upper()}) + "\n")
    assert count_imported(cli, first) == (1, 0)
    (shown,) = json.loads(cli("purge", "default", "--user", "ann", "--dry-run", "--json").stdout)
    assert (shown["dry_run"], shown["receipt"], shown["counts"]["memories"]) == (True, None, 1)
    assert cli("purge", "default", "--user", "ann", stdin="n\n").exit_code == 1
    (purged,) = json.loads(cli("purge", "default", "--user", "ann", "--yes", "--json").stdout)
    assert purged["counts"] == shown["counts"]
    (listed,) = json.loads(cli("erasure", "list", "--user", "ann", "--json").stdout)
    assert (listed["id"], listed["kind"], listed["counts"]["memories"]) == (purged["receipt"], "workspace", 1)
    proven = cli("erasure", "verify", listed["id"], "--words", stdin=WORD)
    assert (proven.exit_code, "Gone from every place" in proven.output) == (0, True), proven.output
    assert count_imported(cli, second) == (0, 1)
    assert "Lifted 1" in cli("erasure", "lift", "--user", "ann", "--receipt", listed["id"]).output
    assert count_imported(cli, second) == (1, 0)
    found = cli("erasure", "verify", listed["id"], "--words", stdin=WORD.upper())
    assert (found.exit_code, "It is not gone" in found.output) == (1, True), found.output


def test_a_receipt_that_is_not_there_and_half_a_request_are_refused(cli, ann):  # noqa: ARG001 - as above
    refusals = {
        ("erasure", "verify", "x"): "There is no receipt x",
        ("erasure", "verify", "x", "--words"): "no words on standard input",
        ("erasure", "lift", "--user", "ann"): "one of the two",
        ("erasure", "lift", "x", "--user", "ann"): "There is no tombstone x",
        ("purge", "nowhere", "--user", "ann", "--yes"): "nowhere",
    }
    for command, says in refusals.items():
        refused = cli(*command)
        assert (refused.exit_code, says in refused.stderr) == (1, True), (command, refused.stderr)
