"""The real Codex with our plugin, against a double of its model: it remembers from one session to the next."""

import asyncio
import json
import os
import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from tests.helpers.capture.agents import (
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

CONFIG = """
model = "double"
model_provider = "double"
check_for_update_on_startup = false
mcp_oauth_credentials_store = "file"

[model_providers.double]
name = "double"
base_url = "http://127.0.0.1:{port}/v1"
wire_api = "responses"
env_key = "DOUBLE_KEY"

[analytics]
enabled = false
"""


async def log_in(codex, name) -> None:
    """Log in at the plugin's server. The address is printed, and the way back is given as text."""
    process = await asyncio.create_subprocess_exec(
        codex.program,
        *("mcp", "login", "loci", "--no-browser"),
        cwd=codex.home,
        env=codex.environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    printed = ""
    try:
        async with asyncio.timeout(60):
            while (address := re.search(r"http://\S+/authorize\S*\n", printed)) is None:
                line = await process.stdout.readline()
                assert line, printed
                printed += line.decode()
            back = await authorize(address[0].strip(), name, PASSWORD)
            rest, _ = await process.communicate(f"{back}\n".encode())
            assert process.returncode == 0, printed + rest.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def codex(tmp_path):
    """Codex, and the file with the requests to its model."""
    modules = await asyncio.to_thread(npm.install_packages, Path(__file__).parent / "codex/package.json", "codex")
    (program,) = modules.glob("@openai/codex-*/vendor/*/bin/codex")
    log, home = tmp_path / "requests.jsonl", tmp_path / "home"
    (home / ".codex").mkdir(parents=True)
    async with start_double("openai_responses.py", log) as port:
        (home / ".codex/config.toml").write_text(CONFIG.format(port=port))
        yield Agent(program, home, make_environ(home, DOUBLE_KEY="any"), log)


@pytest.fixture
def loci(codex, monkeypatch):
    """Return a function that runs a command of Loci in the home of Codex."""
    monkeypatch.setenv("HOME", str(codex.home))
    monkeypatch.setenv("PATH", f"{codex.program.parent}:{os.environ['PATH']}")
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)

    async def run(*arguments):
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        assert result.exit_code == 0, result.output

    return run


async def test_what_is_said_in_one_session_is_told_in_the_next_and_private_text_is_nowhere(
    hybrid_site, codex, loci, settings
):
    site, config = hybrid_site, codex.home / ".codex/config.toml"
    before = tomllib.loads(config.read_text())
    await add_user(site, "eve")
    await loci("connect", "codex", "--url", site.url, "--write")
    await log_in(codex, "eve")

    async def say(folder, prompt):
        trusted = ("--dangerously-bypass-hook-trust", "--dangerously-bypass-approvals-and-sandbox")
        return await codex.ask("exec", "--skip-git-repo-check", *trusted, prompt, folder=folder)

    shop, blog = codex.home / "shop", codex.home / "blog"
    for folder in (shop, blog):
        folder.mkdir()
    command = "echo echo canary >deploy.sh; git init -q; git add . && git commit -m 'Add the canary step'"
    calls = [{"name": "exec_command", "arguments": {"cmd": command}}]
    first = await say(shop, f"{SAID} <private>my locker has heliotrope</private> DO {json.dumps(calls)} END")
    assert "When to store and recall memories with Loci" in first  # the skill that the model may choose itself
    assert "Forget memories on the Loci server" not in first  # one that only a person calls
    await wait_for_memories(site, "eve", ["Tuesdays", "egret", "Committed"])

    asked = await say(blog, "when can I ship to staging?")
    assert (asked.count("Tuesdays"), asked.count("egret")) == (1, 1), asked
    assert "Add the canary step" in await say(shop, "Good morning")
    check_nowhere(settings.data_dir, "heliotrope")
    await loci("disconnect", "codex")
    after = tomllib.loads(config.read_text())
    assert {name: held for name, held in after.items() if held != {} and name != "projects"} == before
