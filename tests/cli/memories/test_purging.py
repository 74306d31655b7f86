"""The commands that erase for good, show the receipts, prove that it is gone, and let it be remembered again."""

import json

from tests.helpers.programs.processes import find_free_port

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
    assert count_imported(cli, first) == (0, 0), "it was imported before"
    assert "Lifted 1" in cli("erasure", "lift", "--user", "ann", "--receipt", listed["id"]).output
    assert count_imported(cli, first) == (1, 0), "the key of what was erased is free again"
    assert count_imported(cli, first) == (0, 0)
    assert count_imported(cli, second) == (1, 0)
    found = cli("erasure", "verify", listed["id"], "--words", stdin=WORD.upper())
    assert (found.exit_code, "It is not gone" in found.output) == (1, True), found.output


def test_the_proof_looks_into_the_backups_that_were_written_and_into_those_that_are_named(cli, ann, tmp_path):  # noqa: ARG001 - as above
    file, password, copies = tmp_path / "a.jsonl", tmp_path / "password", tmp_path / "copies"
    file.write_text(json.dumps({"content": f'Ann says "{WORD}" twice.'}) + "\n")
    password.write_text("correct horse battery\n")
    assert count_imported(cli, file) == (1, 0)
    for command in (
        ("backup", copies / "plain.backup"),
        ("backup", copies / "sealed.backup", "--password-file", password),
    ):
        copies.mkdir(exist_ok=True)
        assert cli(*command).exit_code == 0
    (purged,) = json.loads(cli("purge", "default", "--user", "ann", "--yes", "--json").stdout)
    verify = ("erasure", "verify", purged["receipt"])
    unread = cli(*verify, "--words", stdin=WORD)
    assert unread.exit_code == 1
    assert f"{copies / 'plain.backup'}: 1 row(s) of memories" in unread.output
    assert f"{copies / 'sealed.backup'}: not searched: it is encrypted" in unread.output
    opened = cli(*verify, "--password-file", password)
    assert f"{copies / 'sealed.backup'}: 1 row(s) of memories" in opened.output
    (copies / "plain.backup").unlink()
    elsewhere = tmp_path / "elsewhere"
    (copies / "sealed.backup").rename(elsewhere)
    assert cli(*verify, "--words", stdin=WORD).exit_code == 0  # nobody knows where it went
    found = cli(*verify, "--words", "--backups", elsewhere, "--password-file", password, stdin=WORD)
    assert (found.exit_code, f"{elsewhere}: 1 row(s) of memories" in found.output) == (1, True), found.output
    elsewhere.write_bytes(elsewhere.read_bytes()[:-1])
    broken = cli(*verify, "--backups", elsewhere, "--password-file", password)
    assert (broken.exit_code, "it ends too early" in broken.output) == (1, True), broken.output


def test_a_qdrant_server_that_does_not_answer_proves_nothing(cli, ann, tmp_path, monkeypatch):  # noqa: ARG001 - as above
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"content": f"Ann keeps the {WORD}."}) + "\n")
    assert count_imported(cli, file) == (1, 0)
    (purged,) = json.loads(cli("purge", "default", "--user", "ann", "--yes", "--json").stdout)
    assert cli("erasure", "verify", purged["receipt"]).exit_code == 0
    monkeypatch.setenv("LOCI_QDRANT_URL", f"http://127.0.0.1:{find_free_port()}")
    away = cli("erasure", "verify", purged["receipt"])
    assert (away.exit_code, "Qdrant: not searched" in away.output) == (1, True), away.output


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
