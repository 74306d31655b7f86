"""What `loci connect` installs works: the hooks of each client, as it runs them, and the plugin of OpenCode."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from tests.helpers.capture.jobs import finish_jobs
from tests.integrations.hooks import CURL, NO_CURL, PATIENCE, run_command
from tools.capture.hooks import find_hook_kind

pytestmark = pytest.mark.anyio

#: The hooks that each client runs: the file, and the way from an event to its commands.
HOOKS = {
    "gemini": (".gemini/extensions/loci/hooks/hooks.json", lambda groups: groups[0]["hooks"][0]["command"]),
    "cursor": (".cursor/hooks.json", lambda entries: entries[0]["command"]),
    "vscode": (".copilot/hooks/loci.json", lambda entries: entries[0]["command"]),
}
SAID = "From now on we deploy on Tuesdays only; the staging server is called egret."
#: A session in the words of each client, the beginning of the next one, and the fields that name a session.
SESSIONS = {
    "gemini": (
        [("BeforeAgent", {"prompt": SAID}), ("AfterAgent", {"prompt_response": "Noted."})],
        "SessionStart",
        "session_id",
    ),
    "cursor": (
        [("beforeSubmitPrompt", {"prompt": SAID}), ("stop", {"status": "completed"})],
        "sessionStart",
        "conversation_id",
    ),
    "vscode": ([("UserPromptSubmit", {"prompt": SAID}), ("Stop", {})], "SessionStart", "sessionId"),
}


@dataclass
class Home:
    """A home whose clients are connected to a server with a key."""

    folder: Path

    def connect(self, client, person):
        given = ("--url", person.url, "--key", "-", "--write")
        result = CliRunner().invoke(app, ["connect", client, *given], input=f"{person.key}\n")
        assert result.exit_code == 0, result.output

    async def run(self, *command, given=b"") -> str:
        """Run a command in this home; what it prints."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder)} | PATIENCE
        printed, errors = await run_command(command, environ, given)
        assert errors == ""
        return printed


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return Home(tmp_path)


@pytest.mark.skipif(CURL is None, reason=NO_CURL)
@pytest.mark.parametrize("client", HOOKS)
async def test_a_session_is_captured_and_the_next_one_is_briefed(home, site, client):
    eve = await site.add_person("eve")
    home.connect(client, eve)
    name, find_command = HOOKS[client]
    hooks = json.loads((home.folder / name).read_text())["hooks"]
    assert all(find_hook_kind(event) != "other" for event in hooks)
    events, start, session = SESSIONS[client]

    async def send(event, fields, number):
        given = {"hook_event_name": event, session: f"s{number}", "cwd": "/home/eve/shop"} | fields
        if client == "cursor":
            given["cursor_version"] = "2"
        return await home.run("sh", "-c", find_command(hooks[event]), given=json.dumps(given).encode())

    for event, fields in events:
        assert await send(event, fields, 1) == ""
    await finish_jobs(site.services)
    told = json.loads(await send(start, {"source": "startup"}, 2))
    if client == "cursor":
        assert told["additional_context"].count("Tuesdays") == 1
    else:
        assert told["hookSpecificOutput"]["hookEventName"] == start
        assert told["hookSpecificOutput"]["additionalContext"].count("Tuesdays") == 1


OPENCODE = """
import { Loci } from "PLUGIN"
const messages = [{ info: { role: "assistant" }, parts: [{ type: "text", text: "I noted it." }] }]
const client = { session: { messages: async () => ({ data: messages }) } }
const hooks = await Loci({ client, directory: "/home/eve/shop" })
const output = { message: { id: "msg_1" }, parts: [{ type: "text", text: process.argv[1] }] }
await hooks["chat.message"]({ sessionID: process.argv[2] }, output)
await hooks["tool.execute.after"](
  { tool: "bash", sessionID: process.argv[2], callID: "c", args: { command: "git commit -m 'Add the canary step'" } },
  { title: "", output: "[main 1a2b3c4] Add the canary step\\n 1 file changed", metadata: { exit: 0 } },
)
await hooks["event"]({ event: { type: "session.idle", properties: { sessionID: process.argv[2] } } })
console.log(JSON.stringify(output.parts))
"""


@pytest.mark.node
async def test_the_plugin_of_opencode_captures_and_adds_what_fits_to_the_prompt(home, site):
    eve = await site.add_person("eve")
    home.connect("opencode", eve)
    plugin = home.folder / ".config/opencode/plugins/loci.js"

    async def say(prompt, session):
        script = OPENCODE.replace("PLUGIN", plugin.as_uri())
        return json.loads(await home.run("node", "--no-warnings", "--input-type=module", "-e", script, prompt, session))

    assert await say(SAID, "s1") == [{"type": "text", "text": SAID}]
    await finish_jobs(site.services)
    contents = [each["content"] for each in (await eve.http.get("/v1/memories")).json()["memories"]]
    assert any("Add the canary step" in each for each in contents)
    added, prompt = await say("What is the staging server called?", "s2")
    assert prompt["text"] == "What is the staging server called?"
    assert (added["synthetic"], added["messageID"], added["sessionID"]) == (True, "msg_1", "s2")
    assert (added["text"].count("egret"), added["text"].count("Tuesdays")) == (1, 1)
    (home.folder / ".config/loci/key").write_text("mp_live_wrong\n")
    assert len(await say("What is the staging server called?", "s3")) == 1
