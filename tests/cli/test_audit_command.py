"""`loci audit verify`: commands are noted, and an entry that somebody has changed is named."""

import json
import sqlite3


def test_commands_are_noted_and_what_somebody_changed_is_named(cli, ann, tmp_path):  # noqa: ARG001 - ann was added
    assert cli("key", "create", "--user", "ann", "--quiet").exit_code == 0
    whole = cli("audit", "verify")
    assert whole.exit_code == 0, whole.output
    assert whole.output.startswith("ann: 2 entries, as it was written; the newest is 2 ")
    with sqlite3.connect(tmp_path / "data" / "loci.db") as record:
        noted = record.execute("SELECT operation, user_id, door, outcome FROM audit_entries ORDER BY number").fetchall()
        record.execute("UPDATE audit_entries SET user_id = 'somebody' WHERE number = 1")
    record.close()
    assert noted == [("add_user", "operator", "command", "ok"), ("create_key", "operator", "command", "ok")]
    changed = cli("audit", "verify", "--user", "ann")
    assert changed.exit_code == 1
    assert "entry 1 was changed" in changed.output
    assert "1 fault(s)" in changed.output
    (result,) = json.loads(cli("audit", "verify", "--json").stdout)
    assert [each["number"] for each in result["faults"]] == [1]


def test_without_calls_there_is_no_audit(cli):
    verified = cli("audit", "verify")
    assert (verified.exit_code, verified.output.strip()) == (0, "There is no audit yet.")
    unknown = cli("audit", "verify", "--user", "bob")
    assert (unknown.exit_code, "no user named 'bob'" in unknown.output) == (1, True)
