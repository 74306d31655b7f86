"""The pages on clients and on the hook: their settings are valid, and their commands print what the pages show."""

import asyncio
import json
import os
import re
import shlex
import sys
import tomllib

import pytest

from tests.integrations.hooks import CURL, NO_CURL, PATIENCE, ROOT

CLIENTS = [ROOT / "docs/clients" / f"{name}.md" for name in ("claude-code", "codex", "gemini-cli")]
HOOK_PAGE = ROOT / "integrations/hook/README.md"
#: The moments each client's page sets the hook for, and how many of its units a second has.
MOMENTS = {
    "claude-code": ({"SessionStart", "UserPromptSubmit", "Stop"}, 1),
    "codex": ({"SessionStart", "UserPromptSubmit", "Stop"}, 1),
    "gemini-cli": ({"SessionStart", "BeforeAgent", "AfterAgent"}, 1000),
}


def blocks(page, language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", CLIENTS, ids=lambda page: page.stem)
def test_the_settings_of_a_client_run_the_script_at_each_moment(page):
    (settings,) = [found for block in blocks(page, "json") if "hooks" in (found := json.loads(block))]
    moments, unit = MOMENTS[page.stem]
    assert settings["hooks"].keys() == moments
    for moment, (group,) in settings["hooks"].items():
        (hook,) = group["hooks"]
        assert hook["type"] == "command"
        shell, script, client = shlex.split(hook["command"])
        assert shell == "sh"
        assert page.stem.startswith(client)
        assert (ROOT / script.removeprefix("~/loci/")).is_file()
        # What a client cuts off is seen as a failure, so it must never come to that.
        requests = 3 if moment == "SessionStart" else 2
        assert hook["timeout"] > requests * 3 * unit


def test_what_connects_a_client_is_valid_and_names_the_key_but_has_none():
    for page in CLIENTS:
        for server in [json.loads(block).get("mcpServers") for block in blocks(page, "json")]:
            if server is not None:
                assert "LOCI_API_KEY" in server["loci"]["headers"]["Authorization"]
    (config,) = blocks(ROOT / "docs/clients/codex.md", "toml")
    assert tomllib.loads(config)["mcp_servers"]["loci"]["bearer_token_env_var"] == "LOCI_API_KEY"


def test_the_readme_leads_to_every_page():
    readme = (ROOT / "README.md").read_text()
    for page in [*CLIENTS, HOOK_PAGE]:
        assert f"({page.relative_to(ROOT)})" in readme


def examples(page):
    """Each command of a page and the block that is shown to come of it, None where none is."""
    pattern = r"^```sh\n(.*?)^```(?:\n+```(?:json|text)\n(.*?)^```)?"
    return re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.anyio
@pytest.mark.skipif(CURL is None, reason=NO_CURL)
async def test_the_commands_of_the_pages_print_what_the_pages_show(site, settings, tmp_path):
    ann = await site.add_person("ann")
    await ann.store("The staging server is called egret; deploys go out on Tuesdays", type="fact")
    await ann.http.put("/v1/working-memory/session_notes", json={"content": "The parser is done; its tests are not"})
    against = {"item": "Jenkins", "reason": "it was switched off", "expires": "until the new runner is chosen"}
    (tmp_path / "loci").symlink_to(ROOT)
    env = os.environ | {"HOME": str(tmp_path), "LOCI_DATA_DIR": str(settings.data_dir), "LOCI_URL": site.url} | PATIENCE
    for page in [HOOK_PAGE, *CLIENTS]:
        assert examples(page)
        if against["item"] in page.read_text():  # pages before that one show a working memory without a skip list
            assert (await ann.http.post("/v1/skip-list", json=against)).status_code == 201
        for command, shown in examples(page):
            process = await asyncio.create_subprocess_exec(
                "sh",
                "-euc",
                command.replace(".venv/bin/loci", f"{sys.executable} -m server"),
                env=env,
                stdout=asyncio.subprocess.PIPE,
            )
            printed, _ = await process.communicate()
            assert process.returncode == 0, command
            if shown.startswith("{"):
                assert json.loads(printed) == json.loads(shown)
            else:
                assert printed.decode() == shown
    assert (tmp_path / ".config/loci/key").read_text().startswith("mp_live_")
