"""The real Claude Code with our plugin, against a double of its model: it remembers from one session to the next."""

import asyncio
import json
import os
import pty
from pathlib import Path

import httpx
import pytest

from tests.helpers.capture.agents import (
    ROOT,
    SAID,
    Agent,
    add_user,
    check_nowhere,
    make_environ,
    start_double,
    wait_for_memories,
)
from tests.helpers.logins.headless import authorize
from tests.helpers.logins.oauth_client import PASSWORD
from tests.helpers.programs import npm

pytestmark = [pytest.mark.anyio, pytest.mark.node, pytest.mark.timeout(600)]

PLUGIN = ROOT / "integrations/claude-code"


async def log_in(claude, name) -> None:
    """Log in at the plugin's server. The browser that Claude Code opens is a script that notes the address."""
    terminal, own_end = pty.openpty()  # without a terminal it refuses to log in
    process = await asyncio.create_subprocess_exec(
        claude.program,
        *("mcp", "login", "plugin:loci:loci"),
        cwd=claude.home,
        env=claude.environ,
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
    opened = claude.home / "opened"
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
    """Claude Code, with a browser that notes the address."""
    modules = await asyncio.to_thread(
        npm.install_packages, Path(__file__).parent / "claude_code/package.json", "claude-code"
    )
    (program,) = modules.glob("@anthropic-ai/claude-code-*/claude")
    log, home = tmp_path / "requests.jsonl", tmp_path / "home"
    home.mkdir()
    browser = home / "browser"
    browser.write_text('#!/bin/sh\necho "$1" >"$HOME/opened"\n')
    browser.chmod(0o755)
    async with start_double("anthropic_messages.py", log) as port:
        environ = make_environ(
            home,
            BROWSER=str(browser),
            ANTHROPIC_BASE_URL=f"http://127.0.0.1:{port}",
            ANTHROPIC_API_KEY="any",
            IS_SANDBOX="1",
            DISABLE_TELEMETRY="1",
            DISABLE_AUTOUPDATER="1",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        )
        yield Agent(program, home, environ, log)


async def test_the_plugin_is_fit_for_the_directory_of_plugins(claude):
    assert "found nothing to report" in await claude.run("plugin", "validate", "--profile", "directory", str(PLUGIN))
    assert "Validation passed" in await claude.run("plugin", "validate", "--strict", str(ROOT))


async def test_what_is_said_in_one_session_is_told_in_the_next_and_private_text_is_nowhere(
    hybrid_site, claude, settings
):
    site = hybrid_site
    await add_user(site, "eve")
    await claude.run("plugin", "marketplace", "add", str(ROOT))
    await claude.run("plugin", "install", "loci@loci", "--config", f"url={site.url}/mcp")
    await log_in(claude, "eve")

    async def say(folder, prompt):
        return await claude.ask("-p", prompt, "--dangerously-skip-permissions", folder=folder)

    shop, blog = claude.home / "shop", claude.home / "blog"
    for folder in (shop, blog):
        folder.mkdir()
    write = {"name": "Write", "input": {"file_path": str(shop / "deploy.sh"), "content": "echo canary\n"}}
    commit = {"name": "Bash", "input": {"command": "git init -q; git add . && git commit -m 'Add the canary step'"}}
    await say(shop, f"{SAID} <private>my locker has heliotrope</private> DO {json.dumps([write, commit])} END")
    await wait_for_memories(site, "eve", ["Tuesdays", "egret", "canary step"])

    asked = await say(blog, "when can I ship to staging?")
    assert (asked.count("Tuesdays"), asked.count("egret")) == (1, 1), asked
    assert "Add the canary step" in await say(shop, "Good morning")
    check_nowhere(settings.data_dir, "heliotrope")
