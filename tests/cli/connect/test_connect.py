"""`loci connect` and `loci disconnect`: what is written for each client, and that all of it can be undone."""

import json
import os
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.cli.connect.clients import PLANS

ROOT = Path(__file__).parents[3]
URL, KEY = "https://memory.example.com/mcp", "mp_live_0123456789abcdef"
#: Files of other programs, as people have them: with comments, odd blanks and commas at the end.
FOREIGN = {
    ".claude.json": '{"numStartups": 3, "mcpServers": {"other": {"type": "stdio"}}}',
    ".claude/settings.json": '{\n    "hooks": {\n        "Stop": [{"hooks": []}]\n    }\n}\n',
    ".codex/config.toml": '# mine\nmodel = "o"\n\n[mcp_servers.other]\ncommand = "x"',
    ".cursor/mcp.json": '{\r\n\t"mcpServers": {}\r\n}\r\n',
    ".cursor/hooks.json": '{"version": 1, "hooks": {"stop": [{"command": "./mine.sh"}]}}',
    ".config/Code/User/mcp.json": '// mine\n{\n  "servers": {\n    "other": {"url": "http://x//y"}, // keep\n  },\n}\n',
    ".config/opencode/opencode.jsonc": '{\n  "$schema": "https://example.com/x", /* keep */\n  "theme": "x"\n}',
}
#: The file of each client that says where its server is, and how.
SERVERS = {
    "claude-code": (".claude.json", lambda held: held["mcpServers"]["loci"]),
    "codex": (".codex/config.toml", lambda held: held["mcp_servers"]["loci"]),
    "gemini": (".gemini/extensions/loci/gemini-extension.json", lambda held: held["mcpServers"]["loci"]),
    "cursor": (".cursor/mcp.json", lambda held: held["mcpServers"]["loci"]),
    "vscode": (".config/Code/User/mcp.json", lambda held: held["servers"]["loci"]),
    "opencode": (".config/opencode/opencode.jsonc", lambda held: held["mcp"]["loci"]),
}


@pytest.fixture
def home(tmp_path):
    """A home with files of other programs, and programs of the clients that write down their arguments."""
    for name, text in FOREIGN.items():
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(0o644)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("claude", "codex"):
        (programs / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >>{tmp_path}/ran\n')
        (programs / name).chmod(0o755)
    return tmp_path / "home"


@pytest.fixture
def loci(home, monkeypatch):
    """Return a function that runs a command of Loci in that home; it returns what is printed."""
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{home.parent}/programs:{os.environ['PATH']}")

    def run(*arguments, code=0, given=""):
        result = CliRunner().invoke(app, arguments, input=given)
        assert result.exit_code == code, result.output
        return result.output

    return run


def read_all(home):
    """Return what each file of a home holds, and its mode."""
    return {
        str(path.relative_to(home)): (path.read_bytes(), oct(path.stat().st_mode & 0o777))
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def read_server(home, client):
    """Return the entry of our server in a client's file, whose comments and last commas are left out."""
    name, find = SERVERS[client]
    text = (home / name).read_text()
    if name.endswith(".toml"):
        return find(tomllib.loads(text))
    plain = text.replace("// mine", "").replace("// keep", "").replace("/* keep */", "")
    return find(json.loads(plain.replace("},\n}", "}\n}").replace("},  \n", "},\n").replace("}, \n  }", "}\n  }")))


@pytest.mark.parametrize("client", SERVERS)
def test_what_is_written_with_a_key_is_the_owners_alone_and_is_undone(home, loci, client):
    before = read_all(home)
    loci("connect", client, "--url", URL, "--key", "-", "--write", given=f"{KEY}\n")
    connected = read_all(home)
    entry = read_server(home, client)
    assert URL in entry.values()
    assert KEY in json.dumps(entry)
    for name, (held, mode) in connected.items():
        assert KEY.encode() not in held or mode == "0o600", name
    assert all(name in connected for name in before)
    assert "already" in loci("connect", client, "--url", URL, "--key", KEY, "--write")
    assert read_all(home) == connected
    loci("disconnect", client)
    left = read_all(home)
    assert {name: held for name, (held, _) in left.items()} == {name: held for name, (held, _) in before.items()}
    assert not (home / ".config/loci").exists()


@pytest.mark.parametrize("client", SERVERS)
def test_with_a_login_no_key_is_asked_for_and_foreign_changes_in_between_stay(home, loci, client):
    loci("connect", client, "--url", "http://127.0.0.1:9", "--write")
    for name in FOREIGN:
        path = home / name
        path.write_bytes(path.read_bytes().replace(b"other", b"changed").replace(b"mine", b"ours"))
    loci("disconnect", client)
    expected = {name: text.replace("other", "changed").replace("mine", "ours") for name, text in FOREIGN.items()}
    assert {name: held.decode() for name, (held, _) in read_all(home).items()} == expected
    assert "nothing to undo" in loci("disconnect", client, code=1)


def test_the_clients_with_plugins_are_connected_by_their_own_commands(home, loci):
    for client in ("claude-code", "codex"):
        loci("connect", client, "--url", URL, "--write")
        loci("disconnect", client)
    assert (home.parent / "ran").read_text().splitlines() == [
        f"claude plugin marketplace add {ROOT}/integrations",
        f"claude plugin install loci@loci --config url={URL}",
        "claude plugin uninstall loci@loci",
        "claude plugin marketplace remove loci",
        f"codex plugin marketplace add {ROOT}/integrations",
        "codex plugin add loci@loci",
        "codex plugin remove loci@loci",
        "codex plugin marketplace remove loci",
    ]


@pytest.mark.parametrize(
    ("marketplace", "source"),
    [(".claude-plugin/marketplace.json", "claude-code"), (".agents/plugins/marketplace.json", "codex")],
)
def test_the_lists_of_plugins_in_a_checkout_and_in_a_wheel_differ_in_their_paths_alone(marketplace, source):
    outer = (ROOT / marketplace).read_text()
    assert outer.replace(f"./integrations/{source}", f"./{source}") == (ROOT / "integrations" / marketplace).read_text()
    assert (ROOT / "integrations" / source).is_dir()


def test_both_plugins_say_with_the_same_words_when_to_remember():
    claude, codex = (ROOT / f"integrations/{each}/skills/memory/SKILL.md" for each in ("claude-code", "codex"))
    assert claude.read_text() == codex.read_text()


def test_clients_share_the_key_and_the_hook_and_the_last_one_takes_them_with_it(home, loci):
    before = read_all(home)
    for client in ("gemini", "cursor"):
        loci("connect", client, "--url", URL, "--key", KEY, "--write")
    loci("disconnect", "gemini")
    hooks = json.loads((home / ".cursor/hooks.json").read_text())["hooks"]
    assert hooks["stop"][0] == {"command": "./mine.sh"}
    assert (home / ".config/loci/hook/hook.sh").is_file()
    assert (home / ".config/loci/key").read_text() == f"{KEY}\n"
    assert "holds another" in loci("connect", "vscode", "--url", URL, "--key", "mp_live_other", "--write", code=1)
    loci("disconnect", "cursor")
    assert {name: held for name, (held, _) in read_all(home).items()} == {
        name: held for name, (held, _) in before.items()
    }


@pytest.mark.parametrize(
    ("client", "name", "held", "why"),
    [
        ("cursor", ".cursor/mcp.json", '{"mcpServers": {', "not valid JSON"),
        ("cursor", ".cursor/mcp.json", '{"mcpServers": {"loci": {"url": "http://mine"}}}', "holds another"),
        ("cursor", ".cursor/mcp.json", '{"mcpServers": []}', "holds another"),
        ("vscode", ".config/Code/User/mcp.json", "[]", "not valid JSON"),
        ("claude-code", ".claude/settings.json", "{'hooks': 1}", "not valid JSON"),
        ("codex", ".codex/config.toml", "[mcp_servers\n", "not valid TOML"),
        ("codex", ".codex/config.toml", '[mcp_servers.loci]\nurl = "http://mine"\n', "holds another"),
        ("codex", ".codex/config.toml", 'mcp_servers = {other = {command = "x"}}\n', "holds another"),
    ],
)
def test_a_file_that_is_broken_or_taken_is_named_and_nothing_is_touched(home, loci, client, name, held, why):
    (home / name).write_text(held)
    before = read_all(home)
    said = loci("connect", client, "--url", URL, "--key", KEY, "--write", code=1)
    assert str(home / name) in said
    assert why in said
    assert read_all(home) == before
    assert not (home.parent / "ran").exists()


def test_a_link_to_the_settings_stays_one(home, loci):
    (home / ".cursor/mcp.json").rename(home / "dotfiles.json")
    (home / ".cursor/mcp.json").symlink_to(home / "dotfiles.json")
    loci("connect", "cursor", "--url", URL, "--write")
    assert (home / ".cursor/mcp.json").is_symlink()
    assert URL in (home / "dotfiles.json").read_text()


@pytest.mark.parametrize("client", PLANS)
def test_without_write_the_way_is_shown_and_nothing_is_done(home, loci, client):
    before = read_all(home)
    said = loci("connect", client, "--url", URL)
    assert URL in said or client == "codex"
    assert read_all(home) == before
    assert not (home.parent / "ran").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("connect", "emacs"), "Clients are: claude-code, codex"),
        (("connect", "cursor", "--url", "memory.example.com"), "--url must be a URL"),
        (("connect", "cursor", "--key", "two words"), "--key must be an API key"),
        (("disconnect", "emacs"), "nothing to undo"),
    ],
)
def test_wrong_words_are_refused_with_what_to_say_instead(loci, arguments, why):
    assert why in loci(*arguments, code=1)
