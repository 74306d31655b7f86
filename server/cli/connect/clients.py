"""The clients that `connect` knows, and the plan of each."""

import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.cli.connect.plans import Addition, Block, OwnFile, Plan
from server.connect_commands import NAME, list_plugin_commands, list_removing_commands
from server.errors import Failure

#: The plugins and hooks that this program comes with, in a checkout and in a wheel.
INTEGRATIONS = Path(__file__).parents[3] / "integrations"
_HOOK_FILES = ("hook.sh", "json.awk", "request.awk", "answer.awk")
_HOOKS_NEED_KEY = "The hooks need a key, so nothing is captured. `loci connect {name} --key ...` connects with one."


@dataclass(frozen=True, slots=True)
class Connection:
    """The wish of a person: the URL of the MCP endpoint, and the key if it is to be used in place of a login."""

    url: str
    key: str | None

    @property
    def headers(self) -> dict[str, Any]:
        """The field of a server's entry that carries the key; none with a login."""
        return {} if self.key is None else {"headers": {"Authorization": f"Bearer {self.key}"}}


def make_plan(name: str, connection: Connection) -> Plan:
    """Return the plan for a client by its name.

    Raises:
        Failure: `invalid`, there is no such client, or its files are not here.
    """
    if name not in PLANS:
        raise Failure("invalid", f"There is no client {name!r}. Clients are: {', '.join(PLANS)}.", field="client")
    try:
        return PLANS[name](connection)
    except FileNotFoundError as error:
        hint = "It belongs to Loci: install Loci again."
        raise Failure("invalid", f"{error.filename} is not there. {hint}") from None


def find_own_folder() -> Path:
    """Return the folder of the key, the hook, and the notes of what was connected."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "loci"


def _plan_claude_code(connection: Connection) -> Plan:
    if connection.key is None:
        (INTEGRATIONS / ".claude-plugin/marketplace.json").stat()
        return Plan(
            commands=_split(list_plugin_commands("claude-code", str(INTEGRATIONS), connection.url)),
            undoing=_split(list_removing_commands("claude-code")),
            hints=("Then type /mcp in a session, and log in at plugin:loci:loci.",),
        )
    home = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home())
    folder = home if "CLAUDE_CONFIG_DIR" in os.environ else home / ".claude"
    text = (INTEGRATIONS / "claude-code/hooks/hooks.json").read_text().replace("plugin:loci:loci", NAME)
    entry = {"type": "http", "url": connection.url, **connection.headers}
    hooks = _list_hooks(folder / "settings.json", json.loads(text)["hooks"])
    return Plan(changes=(Addition(home / ".claude.json", ("mcpServers", NAME), entry), *hooks))


def _plan_codex(connection: Connection) -> Plan:
    (INTEGRATIONS / ".agents/plugins/marketplace.json").stat()
    config = Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex") / "config.toml"
    lines = [f"[mcp_servers.{NAME}]", f"url = {json.dumps(connection.url)}"]
    if connection.key is not None:
        lines.append(f"http_headers = {{ Authorization = {json.dumps(f'Bearer {connection.key}')} }}")
    approve = "Start codex, and approve the hooks in /hooks: Codex runs only hooks that you approved."
    login = () if connection.key else (f"Log in: codex mcp login {NAME}",)
    return Plan(
        commands=_split(list_plugin_commands("codex", str(INTEGRATIONS), connection.url)),
        undoing=_split(list_removing_commands("codex")),
        changes=(Block(config, ("mcp_servers", NAME), "\n".join(lines) + "\n"),),
        hints=(*login, approve),
    )


def _plan_gemini(connection: Connection) -> Plan:
    folder = Path.home() / ".gemini/extensions" / NAME
    manifest = json.loads((INTEGRATIONS / "gemini/gemini-extension.json").read_text())
    manifest["mcpServers"][NAME] = {"httpUrl": connection.url, **connection.headers}
    changes = [OwnFile(folder / "gemini-extension.json", json.dumps(manifest, indent=2) + "\n")]
    if connection.key is None:
        login = f"Type /mcp auth {NAME} in a session, in a folder that you trust, to log in."
        return Plan(changes=tuple(changes), hints=(login, _HOOKS_NEED_KEY.format(name="gemini")))
    changes.append(OwnFile(folder / "hooks/hooks.json", (INTEGRATIONS / "gemini/hooks/hooks.json").read_text()))
    return Plan(changes=(*changes, *_list_hook_files(connection)))


def _plan_cursor(connection: Connection) -> Plan:
    folder = Path.home() / ".cursor"
    server = Addition(folder / "mcp.json", ("mcpServers", NAME), {"url": connection.url, **connection.headers})
    if connection.key is None:
        login = "Log in at the server in Cursor's settings, under MCP."
        return Plan(changes=(server,), hints=(login, _HOOKS_NEED_KEY.format(name="cursor")))
    hooks = json.loads((INTEGRATIONS / "cursor/hooks.json").read_text())
    version = Addition(folder / "hooks.json", ("version",), hooks["version"])
    entries = _list_hooks(folder / "hooks.json", hooks["hooks"])
    return Plan(changes=(server, version, *entries, *_list_hook_files(connection)))


def _plan_vscode(connection: Connection) -> Plan:
    entry = {"type": "http", "url": connection.url, **connection.headers}
    server = Addition(_find_vscode_folder() / "mcp.json", ("servers", NAME), entry)
    if connection.key is None:
        login = "Start the server in VS Code (MCP: List Servers), and log in."
        return Plan(changes=(server,), hints=(login, _HOOKS_NEED_KEY.format(name="vscode")))
    hooks = OwnFile(Path.home() / f".copilot/hooks/{NAME}.json", (INTEGRATIONS / "vscode/hooks.json").read_text())
    return Plan(changes=(server, hooks, *_list_hook_files(connection)))


def _plan_opencode(connection: Connection) -> Plan:
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "opencode"
    commented = folder / "opencode.jsonc"
    config = commented if commented.exists() else folder / "opencode.json"
    login: dict[str, Any] = {} if connection.key is None else {"oauth": False}
    entry = {"type": "remote", "url": connection.url, "enabled": True, **login, **connection.headers}
    server = Addition(config, ("mcp", NAME), entry)
    if connection.key is None:
        hint = f"Log in: opencode mcp auth {NAME}"
        return Plan(changes=(server,), hints=(hint, _HOOKS_NEED_KEY.format(name="opencode")))
    plugin = OwnFile(folder / f"plugins/{NAME}.js", (INTEGRATIONS / "opencode/loci.js").read_text())
    return Plan(changes=(server, plugin, *_list_key_files(connection)))


def _plan_claude_ai(connection: Connection) -> Plan:
    way = "In claude.ai: Settings, Connectors, Add custom connector, and this URL:"
    return Plan(hints=(f"{way} {connection.url}", "It needs a public https URL. Log in when it asks you to."))


def _plan_chatgpt(connection: Connection) -> Plan:
    way = "In ChatGPT, in developer mode: Settings, Connectors, Create, and this URL:"
    return Plan(hints=(f"{way} {connection.url}", "It needs a public https URL. Log in when it asks you to."))


PLANS: dict[str, Callable[[Connection], Plan]] = {
    "claude-code": _plan_claude_code,
    "codex": _plan_codex,
    "gemini": _plan_gemini,
    "cursor": _plan_cursor,
    "vscode": _plan_vscode,
    "opencode": _plan_opencode,
    "claude-ai": _plan_claude_ai,
    "chatgpt": _plan_chatgpt,
}


def _split(commands: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(shlex.split(command)) for command in commands)


def _list_hooks(file: Path, hooks: dict[str, list[Any]]) -> list[Addition]:
    return [Addition(file, ("hooks", event), entries) for event, entries in hooks.items()]


def _list_key_files(connection: Connection) -> list[OwnFile]:
    folder = find_own_folder()
    settings = {"key": connection.key, "url": connection.url}
    return [OwnFile(folder / name, f"{text}\n", is_setting=True) for name, text in settings.items()]


def _list_hook_files(connection: Connection) -> list[OwnFile]:
    folder = find_own_folder() / "hook"
    scripts = [OwnFile(folder / name, (INTEGRATIONS / "hook" / name).read_text()) for name in _HOOK_FILES]
    return [*_list_key_files(connection), *scripts]


def _find_vscode_folder() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/Code/User"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData/Roaming") / "Code/User"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "Code/User"
