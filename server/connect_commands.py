"""The commands that connect a client to this server. The banner, the welcome page and the keys show the same ones.

Each holds for every folder (`--scope user`): without that, Claude Code and Gemini CLI connect only the present folder.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectStep:
    """The way to connect a client: a command for a terminal, or None if the client is given the URL in its settings."""

    client: str
    command: str | None
    hint: str


def list_connect_steps(url: str) -> tuple[ConnectStep, ...]:
    """Return the way to connect each client to the MCP endpoint at a URL, with a login in the browser."""
    return (
        ConnectStep(
            "Claude Code",
            f"claude mcp add --transport http --scope user loci {url}",
            "Then type /mcp in a session to log in.",
        ),
        ConnectStep("Codex", f"codex mcp add loci --url {url}", "It asks you to log in at once."),
        ConnectStep(
            "Gemini CLI",
            f"gemini mcp add --transport http --scope user loci {url}",
            "Then type /mcp auth loci in a session, in a folder that you trust.",
        ),
        ConnectStep("claude.ai", None, "Add a custom connector with the URL. It needs a public https URL."),
        ConnectStep("Cursor", None, "Add a custom MCP server with the URL."),
    )


def make_key_command(url: str, key: str) -> str:
    """Return the command that connects Claude Code with an API key instead of a login."""
    return f'claude mcp add --transport http --scope user loci {url} --header "Authorization: Bearer {key}"'
