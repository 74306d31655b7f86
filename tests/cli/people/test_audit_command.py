"""`loci audit verify`: commands are noted, and an entry that somebody has changed is named."""

import json
import re
import sqlite3

from server.cli import _PLACES, load_command
from tests.helpers.programs.commands import PASSWORD
from tests.helpers.programs.npm import ROOT


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


#: The commands that leave an entry: what is typed, and the operation of the entry.
NOTED = {
    "user add": "add_user",
    "user set-password": "set_password",
    "user reset-link": "create_reset_link",
    "user disable": "disable_user",
    "user enable": "enable_user",
    "user remove": "remove_user",
    "user set-plan": "set_plan",
    "user set-time-zone": "set_preferences",
    "account create": "create_account",
    "account members": "list_members",
    "account set-role": "set_member_role",
    "account invite": "create_invitation",
    "account remove": "remove_member",
    "workspace share": "share_workspace",
    "workspace unshare": "unshare_workspace",
    "key create": "create_key",
    "key list": "list_keys",
    "key set-limit": "set_key_limit",
    "key revoke": "revoke_key",
    "import": "import_memories",
    "export": "export_everything",
    "golden": "run_golden",
    "consolidation list": "list_consolidations",
    "consolidation undo": "undo_consolidation",
    "purge": "purge_memories",
    "erasure list": "list_receipts",
    "erasure lift": "lift_tombstones",
    "erasure verify": "verify_erasure",
}


def list_commands(command, name=""):
    """The names of all commands: of groups, those in them."""
    if not hasattr(command, "commands"):
        return [name]
    return [each for word, sub in command.commands.items() for each in list_commands(sub, f"{name} {word}".strip())]


def test_each_command_is_noted_or_the_docs_say_why_it_is_not():
    every = {each for word in _PLACES for each in list_commands(load_command(word), word)}
    text = (ROOT / "docs" / "audit.md").read_text().partition("## What is not noted")[2].partition("\n## ")[0]
    excused = {each.removeprefix("loci ") for each in re.findall(r"`((?:loci )?[a-z][a-z -]+)`", text)}
    assert every - NOTED.keys() - excused == set()
    assert (NOTED.keys() | excused) - every == set()


def test_commands_that_read_or_change_memories_or_people_leave_an_entry(cli, ann, tmp_path):  # noqa: ARG001 - ann was added
    file, done = tmp_path / "a.jsonl", {"user add"}
    file.write_text(json.dumps({"content": "The kettle is in the attic"}) + "\n")

    def run(name, *options, stdin=""):
        result = cli(*name.split(), *options, stdin=stdin)
        assert result.exit_code == 0, (name, result.output)
        done.add(name)
        return result.stdout

    def list_noted():
        with sqlite3.connect(tmp_path / "data" / "loci.db") as record:
            rows = record.execute("SELECT operation FROM audit_entries WHERE door = 'command'").fetchall()
        record.close()
        return [each[0] for each in rows]

    assert cli("user", "add", "ben", "--password-stdin", stdin=PASSWORD).exit_code == 0
    run("import", file, "--user", "ann", "--dry-run")
    run("import", file, "--user", "ann")
    run("export", "--user", "ann", "--out", tmp_path / "all.jsonl")
    run("consolidation list", "--user", "ann")
    run("workspace share", "default", "--with", "ben", "--user", "ann")
    run("workspace unshare", "default", "--with", "ben", "--user", "ann")
    run("account create", "house", "--owner", "ann")
    run("account members", "house")
    run("account invite", "house")
    run("account set-role", "house", "ben")
    run("account remove", "house", "ben")
    run("key create", "--user", "ann", "--quiet")
    key = json.loads(run("key list", "--user", "ann", "--json"))[0]["id"]
    run("key set-limit", "--user", "ann", key, "60")
    run("key revoke", "--user", "ann", key)
    run("user set-time-zone", "ann", "Europe/Berlin")
    run("user set-plan", "ann")
    run("user set-password", "ben", "--password-stdin", stdin=PASSWORD)
    run("user reset-link", "ben")
    run("user disable", "ben")
    run("user enable", "ben")
    run("user remove", "ben")
    run("purge", "default", "--user", "ann", "--yes")
    receipt = json.loads(run("erasure list", "--user", "ann", "--json"))[0]["id"]
    run("erasure verify", receipt)
    run("erasure lift", "--user", "ann", "--receipt", receipt)
    assert {NOTED[each] for each in done} <= set(list_noted())
    # Their own tests have what these take.
    assert NOTED.keys() - done == {"golden", "consolidation undo"}
