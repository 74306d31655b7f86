"""The effect of an agent's tool call: which files it changed, which command it ran, its output, and whether it failed.

The names are those of Claude Code, Codex, Gemini CLI and Cursor; a tool of another agent is known by its arguments.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from server.memory.capture.models import CapturedEvent

#: Of an output only so many characters are read, at its beginning and at its end.
_HEAD, _TAIL = 4_000, 4_000
_MOST_COMMAND, _MOST_PATH, _MOST_FILES = 4_000, 300, 50
#: A longer output is not read as JSON.
_MOST_JSON = 1_000_000

_SHELL_WORDS = """bash shell local_shell exec exec_command container.exec unified_exec run_shell_command
    run_terminal_cmd run_terminal_command terminal execute_command run_command runinterminal
    aftershellexecution"""
_SHELLS = frozenset(_SHELL_WORDS.split())
_EDITOR_WORDS = """edit write multiedit notebookedit apply_patch write_file replace edit_file search_replace create_file
    str_replace_editor str_replace_based_edit_tool write_to_file replace_in_file insert_edit_into_file
    afterfileedit"""
_EDITORS = frozenset(_EDITOR_WORDS.split())
_PATHS = ("file_path", "path", "notebook_path", "target_file", "filepath", "filePath", "absolute_path")
_NEW_TEXTS = ("new_string", "content", "file_text", "edits", "new_source", "code_edit", "contents", "new_str")
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (?P<path>[^\n]{1,300})$", re.MULTILINE)
_EXIT = re.compile(
    r"^\s*(?:exit ?code|process exited with code|exited with code)[: ]+(?P<code>-?\d{1,5})\b",
    re.IGNORECASE | re.MULTILINE,
)
_WRAPPING = re.compile(
    r"^(?:Exit [Cc]ode:? -?\d{1,5}|Wall time: [^\n]{0,40}|Output:|Command: [^\n]{0,4000}|Directory: [^\n]{0,400}|"
    r"Error: \(none\)|"
    r"Signal: \(none\)|Background PIDs: \(none\)|Process Group PGID: [^\n]{0,40})[ ]?$\n?",
    re.MULTILINE,
)
_BEFORE_OUTPUT = re.compile(r"^Output: ", re.MULTILINE)
_SHELL_NAMES = frozenset({"bash", "sh", "zsh", "/bin/bash", "/bin/sh", "/bin/zsh", "powershell", "pwsh", "cmd"})


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call as far as it matters: a shell's command, or the files that an editor changed."""

    command: str | None
    paths: tuple[str, ...]
    output: str
    failed: bool


def read_tool_call(event: CapturedEvent) -> ToolCall:
    """Return what the tool call of an event did."""
    name = (event.tool or "").lower().rsplit("__", 1)[-1]
    command = _read_command(name, event.arguments)
    output = _read_output(event.result)
    exited = _EXIT.search(output[:200]) or _EXIT.search(output[-400:])
    failed = event.failed or bool(exited and exited["code"] != "0")
    # A shell of Codex may carry a patch.
    paths = (
        _read_paths(name, event.arguments)
        if command is None
        else tuple(_find_patched(command))
        if "apply_patch" in command
        else ()
    )
    return ToolCall(command, () if failed else paths, _WRAPPING.sub("", _BEFORE_OUTPUT.sub("", output)).strip(), failed)


def _read_command(name: str, arguments: Mapping[str, Any]) -> str | None:
    given = arguments.get("command", arguments.get("cmd", arguments.get("script")))
    if name in _EDITORS or given is None or not (name in _SHELLS or not any(key in arguments for key in _PATHS)):
        return None
    if isinstance(given, list | tuple):
        words = [str(word) for word in cast("list[Any]", given)[:200]]
        is_shell = len(words) > 2 and words[0] in _SHELL_NAMES  # noqa: PLR2004 - bash -lc COMMAND
        given = words[-1] if is_shell else " ".join(words)
    return given[:_MOST_COMMAND] if isinstance(given, str) else None


def _read_paths(name: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    patch = next((arguments[key] for key in ("input", "patch", "patchText") if isinstance(arguments.get(key), str)), "")
    if patched := tuple(_find_patched(patch)):
        return patched
    if name not in _EDITORS and not any(key in arguments for key in _NEW_TEXTS):
        return ()
    if arguments.get("command") == "view":
        return ()
    path = next((arguments[key] for key in _PATHS if isinstance(arguments.get(key), str)), "")
    return (path,) if 0 < len(path) <= _MOST_PATH else ()


def _find_patched(patch: str) -> Iterator[str]:
    for count, match in enumerate(_PATCHED.finditer(patch)):
        if count == _MOST_FILES:
            return
        yield match["path"].strip()


def _read_output(result: str) -> str:
    """Return the beginning and the end of an output; one in JSON is read."""
    if len(result) <= _MOST_JSON and result.lstrip()[:1] == "{":
        try:
            fields: Any = json.loads(result)
        except (ValueError, RecursionError):
            fields = None
        if isinstance(fields, dict):
            result = _join_fields(cast("dict[str, Any]", fields)) or result
    if len(result) <= _HEAD + _TAIL:
        return result
    # Cut at blanks, so that no half of a word is left: it may be half of a key.
    return f"{result[:_HEAD].rpartition(chr(10))[0]}\n{result[-_TAIL:].partition(chr(10))[2]}"


def _join_fields(fields: dict[str, Any]) -> str:
    names = ("stdout", "stderr", "output", "aggregated_output", "llmContent", "error")
    texts = [text for name in names if isinstance(text := fields.get(name), str) and text]
    metadata: Any = fields.get("metadata", fields)
    code: Any = cast("dict[str, Any]", metadata).get("exit_code") if isinstance(metadata, dict) else None
    return "\n".join([*([f"Exit code: {code}"] if isinstance(code, int) else []), *texts])
