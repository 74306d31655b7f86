"""The command line: its help, and the refusals that each command gives in one sentence."""

import pytest

from tests.helpers.programs.commands import PASSWORD, run_command


def test_the_module_says_what_commands_there_are():
    helped = run_command("--help", data_dir="unused")
    assert "Usage: loci [OPTIONS] COMMAND" in helped.stdout
    assert all(
        name in helped.stdout
        for name in ("serve", "migrate", "reindex", "backfill", "tick", "golden", "doctor", "user", "key", "model")
    )


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize(
    ("command", "given", "told"),
    [
        (("user", "add", "ann", "--password-stdin"), PASSWORD, "already a user"),
        (("user", "add", "bob", "--password-stdin"), "short\n", "8 to 1000"),
        (("user", "add", "a/b", "--password-stdin"), PASSWORD, "letters, digits"),
        (("user", "set-password", "nobody", "--password-stdin"), PASSWORD, "no user"),
        (("user", "add", "bob"), PASSWORD * 2, "Give the password with --password-stdin."),
        (("user", "set-password", "ann"), PASSWORD * 2, "Give the password with --password-stdin."),
        (("backup", "new.loci", "--encrypt"), PASSWORD * 2, "Give the password with --password-file FILE."),
        (("user", "set-plan", "nobody", "pro"), "", "no user"),
        (("user", "set-plan", "ann", "pro"), "", "no plan 'pro'; LOCI_PLANS names none"),
        (("key", "create", "--user", "nobody"), "", "no user"),
        (("key", "create", "--user", "ann", "--scopes", "everything"), "", "Unknown scope"),
        (("key", "create", "--user", "ann", "--scopes", ","), "", "Unknown scope"),
        (("key", "revoke", "--user", "ann", "nothing"), "", "no active key"),
        (("reindex", "--workspace", "nothing"), "", "no workspace"),
        (("golden", "--user", "nobody"), "", "`loci user list` shows them"),
        (("webhook", "retry", "nothing"), "", "There is no event nothing that was not delivered. `loci webhook list`"),
        (("webhook", "test"), "", "LOCI_WEBHOOK_URL is not set. Set it, and LOCI_WEBHOOK_SECRET"),
        (("golden", "--workspace", "notes"), "", "Whose workspace"),
        (("golden", "--workspace", "nobody/notes"), "", "no account"),
        (("golden", "--user", "ann", "--workspace", "nobody/notes"), "", "no account"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_one(cli, command, given, told):
    result = cli(*command, stdin=given)
    assert result.exit_code == 1
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [("serve",), ("user", "list"), ("doctor",)])
def test_a_data_folder_that_cannot_be_made_is_named_in_a_sentence(tmp_path, command):
    file = tmp_path / "file"
    file.touch()
    refused = run_command(*command, data_dir=file, LOCI_PORT="0", LOCI_PUBLIC_URL="http://127.0.0.1:1")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert str(file) in "".join(refused.stderr.split())
    assert "LOCI_DATA_DIR" in refused.stderr


@pytest.mark.parametrize("command", [("serve",), ("user", "list"), ("doctor",)])
def test_a_database_that_cannot_be_reached_is_told_without_its_password(tmp_path, command):
    refused = run_command(
        *command,
        data_dir=tmp_path,
        LOCI_PORT="0",
        LOCI_PUBLIC_URL="http://127.0.0.1:1",
        LOCI_DATABASE_URL="postgresql://ann:hunter2@127.0.0.1:1/loci",
    )
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "LOCI_DATABASE_URL" in refused.stderr
    assert "hunter2" not in refused.stderr


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("LOCI_DATABASE_URL", "nonsense-hunter2"),
        ("LOCI_DATABASE_URL", "postgresql://ann@h:hunter2/loci"),
        ("LOCI_DATABASE_URL", "mysql://ann:hunter2@h/loci"),
        ("LOCI_QDRANT_URL", "http://h:hunter2"),
    ],
)
@pytest.mark.parametrize("command", [("user", "list"), ("doctor",)])
def test_a_store_url_that_means_nothing_is_named_and_not_shown(cli, monkeypatch, command, variable, url):
    monkeypatch.setenv(variable, url)
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    refused = cli(*command)
    assert (refused.exit_code, type(refused.exception)) == (1, SystemExit)
    assert variable in refused.stderr
    assert "hunter2" not in refused.output
