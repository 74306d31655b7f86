"""The commands for accounts with several members, and for shared workspaces."""

import json

import pytest

from tests.helpers.programs.commands import PASSWORD


@pytest.fixture
def ben(cli, ann):  # noqa: ARG001 - ann is first
    assert cli("user", "add", "ben", "--password-stdin", stdin=PASSWORD).exit_code == 0


@pytest.mark.usefixtures("ben")
def test_a_team_gets_members_with_roles_and_keeps_an_owner(cli):
    assert "Its owner is ann" in cli("account", "create", "crew", "--owner", "ann").stderr
    assert "ben is reader of crew" in cli("account", "set-role", "crew", "ben", "--role", "reader").stderr
    listed = json.loads(cli("account", "members", "crew", "--json").stdout)
    assert [(each["name"], each["role"]) for each in listed] == [("ann", "owner"), ("ben", "reader")]
    assert json.loads(cli("account", "list", "--json").stdout) == [{"name": "crew", "members": 2}]
    for command in (("remove", "crew", "ann"), ("set-role", "crew", "ann", "--role", "admin")):
        refused = cli("account", *command)
        assert (refused.exit_code, "last owner" in refused.stderr) == (1, True)
    assert cli("account", "remove", "crew", "ben").exit_code == 0
    assert "not in the account" in cli("account", "remove", "crew", "ben").stderr
    assert "already a user" in cli("account", "create", "BEN", "--owner", "ann").stderr
    assert "no team's account" in cli("account", "members", "ben").stderr


@pytest.mark.usefixtures("ben")
def test_a_workspace_is_shared_to_read_or_to_write_and_taken_back(cli):
    assert cli("key", "create", "--user", "ann", "--workspace", "notes").exit_code == 0
    assert "ben may read ann/notes" in cli("workspace", "share", "ann/notes", "--with", "ben", "--read").stderr
    assert "ben may read and write notes" in cli("workspace", "share", "notes", "--user", "ann", "--with", "ben").stderr
    (listed,) = json.loads(cli("workspace", "list", "--json").stdout)
    assert listed == {"address": "ann/notes", "shares": [{"with": "ben", "may_write": True}]}
    assert cli("workspace", "unshare", "ann/notes", "--with", "BEN").exit_code == 0
    assert json.loads(cli("workspace", "list", "--json").stdout)[0]["shares"] == []
    refusals = {
        ("share", "notes", "--with", "ben"): "Whose workspace",
        ("share", "ann/nothing", "--with", "ben"): "There is no workspace",
        ("share", "ann/notes", "--with", "nobody"): "no person and no account",
        ("share", "ann/notes", "--with", "ann"): "is in the account",
        ("unshare", "ann/notes", "--with", "ben"): "is not shared with",
    }
    for command, says in refusals.items():
        refused = cli("workspace", *command)
        assert (refused.exit_code, says in refused.stderr) == (1, True), refused.stderr


@pytest.mark.usefixtures("ben")
def test_a_user_is_shut_out_let_in_and_removed_for_good(cli):
    assert "is shut out" in cli("user", "disable", "ben").stderr
    assert json.loads(cli("user", "list", "--json").stdout)[1]["disabled_at"]
    assert "may log in" in cli("user", "enable", "ben").stderr
    assert cli("account", "create", "crew", "--owner", "ben").exit_code == 0
    assert "Nobody else owns these accounts: crew" in cli("user", "remove", "ben").stderr
    assert cli("account", "set-role", "crew", "ann", "--role", "owner").exit_code == 0
    assert "is removed" in cli("user", "remove", "ben").stderr
    assert "which is for good" in cli("user", "enable", "ben").stderr
    assert "/invitation?link=" in cli("account", "invite", "crew", "--for", "cat").stdout
