"""`loci memory push` and `pull` between two machines, which are two homes, over a real server."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli.agent_files.command import Wish, exchange_files
from server.cli.agent_files.exchange import Exchange
from server.errors import Failure

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
REMOTE = "https://ann:hunter2@git.example.com/ann/webshop.git"
TOKEN = "ghp_" + "a1B2c3D4e5" * 4


class Machine:
    """A home with a clone of one repository, in a folder that no other machine has."""

    def __init__(self, home, person, monkeypatch):
        self.home, self.person, self._patch = home, person, monkeypatch
        self.clone = home / f"src-{home.name}" / "webshop"
        self.clone.mkdir(parents=True)
        for command in (["init", "-q"], ["remote", "add", "origin", REMOTE]):
            subprocess.run(["git", "-C", str(self.clone), *command], check=True)
        slug = "".join(each if each.isalnum() else "-" for each in str(self.clone))
        self.notes = home / ".claude/projects" / slug / "memory"
        self.notes.mkdir(parents=True)

    async def run(self, way, **wish):
        """Push or pull on this machine; the lines of the report."""
        self._patch.setenv("CLAUDE_CONFIG_DIR", str(self.home / ".claude"))
        self._patch.setenv("XDG_CONFIG_HOME", str(self.home / ".config"))
        report = await exchange_files(way, Wish(self.clone, self.person.url, self.person.key, **wish))
        return [*report.lines, report.sum_up()]

    async def push(self, **wish):
        return await self.run(Exchange.push, **wish)

    async def pull(self, **wish):
        return await self.run(Exchange.pull, **wish)


@pytest.fixture
def machines(tmp_path, ann, monkeypatch):
    """Two machines of one person."""
    return Machine(tmp_path / "one", ann, monkeypatch), Machine(tmp_path / "two", ann, monkeypatch)


async def count_memories(person):
    return (await person.http.get("/v1/memories", params={"workspace": "webshop"})).json()["total"]


async def test_notes_follow_a_person_to_another_machine_and_come_back_changed(machines, ann):
    one, two = machines
    (one.notes / "MEMORY.md").write_text("# Index\n- see deploys.md\n")
    (one.notes / "deploys.md").write_text("# Deploys\nOn Tuesdays only.\n\n## Staging\nIt is called egret.\n")
    (one.clone / "CLAUDE.md").write_text("Use tabs.\r\n")

    dry = await one.push(is_dry=True)
    assert "memory/deploys.md would be sent" in dry
    assert (await ann.http.get("/v1/projects")).json()["projects"] == []

    assert (await one.push())[-1] == "3 sent, 0 written, 0 the same, 0 for you to settle."
    assert await count_memories(ann) == 4
    assert (await one.push())[-1] == "0 sent, 0 written, 3 the same, 0 for you to settle."
    assert await count_memories(ann) == 4
    found = (await ann.http.post("/v1/search", json={"workspace": "webshop", "query": "staging egret"})).json()
    assert found["memories"][0]["source"] == "claude-code: memory/deploys.md"
    assert "hunter2" not in (await ann.http.get("/v1/projects")).text

    assert (await two.pull())[-1] == "0 sent, 3 written, 0 the same, 0 for you to settle."
    for name in ("MEMORY.md", "deploys.md"):
        assert (two.notes / name).read_bytes() == (one.notes / name).read_bytes()
    assert (two.clone / "CLAUDE.md").read_bytes() == b"Use tabs.\r\n"

    (two.notes / "deploys.md").write_text("# Deploys\nOn Tuesdays only.\n\n## Staging\nIt is called heron.\n")
    assert "memory/deploys.md was sent, 2 of its parts changed" in await two.push()
    assert "memory/deploys.md was written" in await one.pull()
    assert "heron" in (one.notes / "deploys.md").read_text()
    assert await count_memories(ann) == 4


async def test_two_edits_are_both_kept_until_a_person_has_settled_them(machines):
    one, two = machines
    (one.notes / "MEMORY.md").write_text("# Index\nfirst\n")
    await one.push()
    await two.pull()
    (one.notes / "MEMORY.md").write_text("# Index\nof one\n")
    (two.notes / "MEMORY.md").write_text("# Index\nof two\n")
    await one.push()
    refused = await two.push()
    assert "memory/MEMORY.md was changed here and on the server: pull first, which keeps both" in refused
    assert (await two.pull())[-1] == "0 sent, 0 written, 0 the same, 1 for you to settle."
    other = two.notes / "MEMORY.md.server"
    assert (two.notes / "MEMORY.md").read_text() == "# Index\nof two\n"
    assert other.read_text() == "# Index\nof one\n"
    assert "waits for you" in (await two.push())[0]
    (two.notes / "MEMORY.md").write_text("# Index\nof one\nof two\n")
    other.unlink()
    await two.push()
    await one.pull()
    assert (one.notes / "MEMORY.md").read_text() == "# Index\nof one\nof two\n"


async def test_credentials_and_private_text_stay_here_and_are_not_overwritten(machines, ann):
    one, two = machines
    secret = f"# Access\nThe token is {TOKEN}\n<private>my diary</private>\nAsk Ben.\n"
    (one.notes / "access.md").write_text(secret)
    assert "credentials stay here" in (await one.push())[0]
    sent = (await ann.http.get("/v1/memories", params={"workspace": "webshop"})).text
    assert TOKEN not in sent
    assert "diary" not in sent
    assert (await one.push())[-1] == "0 sent, 0 written, 1 the same, 0 for you to settle."
    await two.pull()
    (two.notes / "access.md").write_text("# Access\nAsk Carl.\n")
    await two.push()
    await one.pull()
    assert (one.notes / "access.md").read_text() == secret
    assert (one.notes / "access.md.server").read_text() == "# Access\nAsk Carl.\n"


async def test_links_other_paths_and_files_that_are_no_text_are_refused(machines, ann, tmp_path):
    one, two = machines
    outside = tmp_path / "outside.md"
    outside.write_text("# Not yours\n")
    (one.notes / "link.md").symlink_to(outside)
    os.mkfifo(one.notes / "pipe.md")
    (one.notes / "binary.md").write_bytes(b"\xff\xfe")
    (one.notes / "nul.md").write_bytes(b"a\0b")
    (one.notes / "huge.md").write_text("line\n" * 100_000)
    (one.clone / ".claude").symlink_to(tmp_path)
    (tmp_path / "CLAUDE.md").write_text("# Not yours\n")
    lines = await one.push()
    assert lines[-1] == "0 sent, 0 written, 0 the same, 6 for you to settle."
    for name in ("../../evil.md", "/etc/evil.md", "memory/../evil.md", "memory/.hidden.md", "memory/link.md", "x.sh"):
        body = {"content": "# Evil\n", "tags": ["claude-code-file"], "metadata": {"file": name, "places": [0]}}
        answer = await ann.http.post("/v1/memories", json=body | {"workspace": "webshop"})
        assert answer.status_code == 201
    (two.notes / "link.md").symlink_to(outside)
    assert (await two.pull())[-1] == "0 sent, 0 written, 0 the same, 6 for you to settle."
    assert outside.read_text() == "# Not yours\n"
    assert not list(tmp_path.rglob("*evil*"))


async def test_a_push_that_was_cut_off_goes_on(machines, ann):
    one, two = machines
    (one.notes / "MEMORY.md").write_text("# A\na\n# B\nb\n")
    await one.push()
    new = "# A\nnew\n# B\nnewer\n"
    (one.notes / "MEMORY.md").write_text(new)
    # As a push leaves it that dies after its first part: a part of the new text is there, and the state says so.
    part = {
        "content": "# A\nnew\n",
        "tags": ["claude-code-file"],
        "metadata": {"file": "memory/MEMORY.md", "places": [0]},
    }
    assert (await ann.http.post("/v1/memories", json=part | {"workspace": "webshop"})).status_code == 201
    (path,) = (one.home / ".config/loci/files").iterdir()
    state = json.loads(path.read_text())
    state["begun"]["memory/MEMORY.md"] = hashlib.sha256(new.encode()).hexdigest()
    path.write_text(json.dumps(state))
    await one.push()
    await two.pull()
    assert (two.notes / "MEMORY.md").read_text() == new
    assert await count_memories(ann) == 2


async def test_the_command_says_in_a_sentence_that_a_key_is_wrong(machines, ann):
    arguments = ["-m", "server", "memory", "push", str(machines[0].clone), "--url", f"{ann.url}/mcp"]
    environ = {"HOME": str(machines[0].home), "PATH": os.environ["PATH"], "LOCI_API_KEY": "mp_live_wrong"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environ, cwd=ROOT, stdout=-1, stderr=-1, stdin=subprocess.DEVNULL
    )
    output, errors = await process.communicate()
    assert (process.returncode, output) == (1, b"")
    assert b"Give a key with --key" in errors
    assert b"Traceback" not in errors


async def test_a_server_that_is_away_is_a_sentence(machines, ann):
    wish = Wish(machines[0].clone, "http://127.0.0.1:1", ann.key)
    with pytest.raises(Failure, match="cannot be used"):
        await exchange_files(Exchange.pull, wish)
