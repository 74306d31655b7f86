"""The real Claude Code with our plugin, against a double of its model: it remembers from one session to the next."""

import asyncio
import json
import os
import pty
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from server.store.record.people import accounts
from tests.helpers import npm
from tests.helpers.logins.headless import authorize
from tests.helpers.logins.oauth_client import PASSWORD
from tests.helpers.processes import find_free_port, wait_for_port
from tests.helpers.site import QUICK

pytestmark = [pytest.mark.anyio, pytest.mark.node, pytest.mark.timeout(600)]

ROOT = Path(__file__).parent.parent.parent
PLUGIN = ROOT / "integrations/claude-code"
SAID = "From now on we deploy on Tuesdays only; the staging server is called egret."


@dataclass(frozen=True)
class ClaudeCode:
    """Claude Code with a home of its own."""

    program: Path
    home: Path
    environ: dict[str, str]

    async def run(self, *arguments, folder=None) -> str:
        """Run a command to its end; what it prints."""
        process = await asyncio.create_subprocess_exec(
            self.program,
            *arguments,
            cwd=folder or self.home,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, printed.decode()
        return printed.decode()

    async def log_in(self, name) -> None:
        """Log in at the plugin's server. The browser that Claude Code opens is a script that notes the address."""
        terminal, own_end = pty.openpty()  # without a terminal it refuses to log in
        process = await asyncio.create_subprocess_exec(
            self.program,
            *("mcp", "login", "plugin:loci:loci"),
            cwd=self.home,
            env=self.environ,
            stdin=own_end,
            stdout=own_end,
            stderr=own_end,
        )
        os.close(own_end)
        printed = bytearray()
        loop = asyncio.get_running_loop()

        def take() -> None:
            try:
                printed.extend(os.read(terminal, 4096))
            except OSError:  # the other end is closed
                loop.remove_reader(terminal)

        loop.add_reader(terminal, take)
        opened = self.home / "opened"
        try:
            async with asyncio.timeout(60):
                while not (opened.exists() and opened.read_text().endswith("\n")):
                    assert process.returncode is None, printed.decode()
                    await asyncio.sleep(0.05)
                back = await authorize(opened.read_text().strip(), name, PASSWORD)
                async with httpx.AsyncClient() as browser:
                    await browser.get(back)
                assert await process.wait() == 0, printed.decode()
        finally:
            loop.remove_reader(terminal)
            os.close(terminal)
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture
async def claude(tmp_path):
    """Claude Code, and the file with the requests to its model."""
    modules = await asyncio.to_thread(npm.install, Path(__file__).parent / "claude_code/package.json", "claude-code")
    (program,) = modules.glob("@anthropic-ai/claude-code-*/claude")
    port, log, home = find_free_port(), tmp_path / "requests.jsonl", tmp_path / "home"
    home.mkdir()
    browser = home / "browser"
    browser.write_text('#!/bin/sh\necho "$1" >"$HOME/opened"\n')
    browser.chmod(0o755)
    double = await asyncio.create_subprocess_exec(
        sys.executable, ROOT / "tests/doubles/anthropic_messages.py", str(port), log
    )
    try:
        await wait_for_port(port)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "BROWSER": str(browser),
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
            "ANTHROPIC_API_KEY": "any",
            "IS_SANDBOX": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "GIT_AUTHOR_NAME": "eve",
            "GIT_AUTHOR_EMAIL": "eve@example.com",
            "GIT_COMMITTER_NAME": "eve",
            "GIT_COMMITTER_EMAIL": "eve@example.com",
        }
        yield ClaudeCode(program, home, environ), log
    finally:
        double.terminate()
        await double.wait()


async def wait_for_memories(site, name, wanted, seconds=30):
    """Wait until a person's memories hold these words."""
    person = await site.person(name)
    async with asyncio.timeout(seconds):
        while True:
            listed = (await person.http.get("/v1/memories", params={"limit": 100})).json()["memories"]
            if all(any(word in each["content"] for each in listed) for word in wanted):
                return
            await asyncio.sleep(0.1)


async def test_the_plugin_is_fit_for_the_directory_of_plugins(claude):
    code, _ = claude
    assert "found nothing to report" in await code.run("plugin", "validate", "--profile", "directory", str(PLUGIN))
    assert "Validation passed" in await code.run("plugin", "validate", "--strict", str(ROOT))


async def test_what_is_said_in_one_session_is_told_in_the_next_and_private_text_is_nowhere(
    hybrid_site, claude, settings
):
    site, (code, log) = hybrid_site, claude
    async with site.services.db.write() as connection:
        await accounts.create_user(
            connection, name="eve", password_hash=QUICK.hash(PASSWORD), is_admin=False, now=site.services.now()
        )
    await code.run("plugin", "marketplace", "add", str(ROOT))
    await code.run("plugin", "install", "loci@loci", "--config", f"url={site.url}/mcp")
    await code.log_in("eve")

    async def say(folder, prompt):
        before = len(log.read_text().splitlines()) if log.exists() else 0
        await code.run("-p", prompt, "--dangerously-skip-permissions", folder=folder)
        return log.read_text().splitlines()[before]

    shop, blog = code.home / "shop", code.home / "blog"
    for folder in (shop, blog):
        folder.mkdir()
    write = {"name": "Write", "input": {"file_path": str(shop / "deploy.sh"), "content": "echo canary\n"}}
    commit = {"name": "Bash", "input": {"command": "git init -q; git add . && git commit -m 'Add the canary step'"}}
    await say(shop, f"{SAID} <private>my locker has heliotrope</private> DO {json.dumps([write, commit])} END")
    await wait_for_memories(site, "eve", ["Tuesdays", "egret", "canary step"])

    asked = await say(blog, "when can I ship to staging?")
    assert (asked.count("Tuesdays"), asked.count("egret")) == (1, 1), asked
    assert "Add the canary step" in await say(shop, "Good morning")
    for path in settings.data_dir.rglob("*"):
        assert not path.is_file() or path.is_symlink() or b"heliotrope" not in path.read_bytes(), path
