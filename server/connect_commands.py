"""The ways to connect a client to this server: one table for the banner, the welcome page, the keys and `loci connect`.

Each command holds for every folder (`--scope user`): without that, Claude Code and Gemini CLI connect only the present
folder.
"""

import shlex
from dataclasses import dataclass

#: The name of the server in every client.
NAME = "loci"


@dataclass(frozen=True, slots=True)
class ConnectStep:
    """The way to connect a client: a command for a terminal, or None if the client is given the URL in its settings.

    `name` is the client's name for `loci connect`.
    """

    name: str
    client: str
    command: str | None
    hint: str


def list_connect_steps(url: str) -> tuple[ConnectStep, ...]:
    """Return the way to connect each client to the MCP endpoint at a URL, with a login in the browser."""
    return (
        ConnectStep(
            "claude-code",
            "Claude Code",
            f"claude mcp add --transport http --scope user {NAME} {url}",
            "Then type /mcp in a session to log in.",
        ),
        ConnectStep("codex", "Codex", f"codex mcp add {NAME} --url {url}", "It asks you to log in at once."),
        ConnectStep(
            "gemini",
            "Gemini CLI",
            f"gemini mcp add --transport http --scope user {NAME} {url}",
            "Then type /mcp auth loci in a session, in a folder that you trust.",
        ),
        ConnectStep("cursor", "Cursor", None, "Add a custom MCP server with the URL."),
        ConnectStep("vscode", "VS Code", None, "Run the command MCP: Add Server, and give it the URL."),
        ConnectStep("opencode", "OpenCode", None, "Run loci connect opencode --write."),
        ConnectStep(
            "claude-ai", "claude.ai", None, "Add a custom connector with the URL. It needs a public https URL."
        ),
        ConnectStep("chatgpt", "ChatGPT", None, "Create a connector with the URL. It needs a public https URL."),
    )


def make_key_command(url: str, key: str) -> str:
    """Return the command that connects Claude Code with an API key instead of a login."""
    return f'claude mcp add --transport http --scope user {NAME} {url} --header "Authorization: Bearer {key}"'


def list_plugin_commands(name: str, checkout: str, url: str) -> tuple[str, ...]:
    """Return the commands that install the plugin of a client from a checkout of Loci; none if it has no plugin.

    The plugin for Codex connects to `http://127.0.0.1:8080/mcp`, unless Codex has a server of this name.
    """
    place = shlex.quote(checkout)
    if name == "claude-code":
        install = f"claude plugin install {NAME}@{NAME} --config {shlex.quote(f'url={url}')}"
        return (f"claude plugin marketplace add {place}", install)
    if name == "codex":
        return (f"codex plugin marketplace add {place}", f"codex plugin add {NAME}@{NAME}")
    return ()


def list_removing_commands(name: str) -> tuple[str, ...]:
    """Return the commands that remove what `list_plugin_commands` installs."""
    if name == "claude-code":
        return (f"claude plugin uninstall {NAME}@{NAME}", f"claude plugin marketplace remove {NAME}")
    if name == "codex":
        return (f"codex plugin remove {NAME}@{NAME}", f"codex plugin marketplace remove {NAME}")
    return ()
