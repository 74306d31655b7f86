"""Each event that is logged has a stable key, and docs/logs.md lists it with its level and its fields."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
KEY = re.compile(r"[a-z_]+(\.[a-z_]+)+")


def logged_events():
    """The events of all `log.<level>(...)` calls: place, key, level, fields."""
    for path in (path for folder in ("server", "auth", "tools") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("log"), attr=level)) if level in LEVELS:
                    match node.args:
                        case [ast.Constant(value=str(text)), *_]:
                            # the standard library's loggers take their fields in the text, after the key
                            key = text.split()[0]
                        case _:
                            key = ast.unparse(node)
                    # an error's traceback is in `exception`, as the page says of all lines
                    fields = frozenset(keyword.arg for keyword in node.keywords) - {"exc_info"}
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", key, LEVELS[level], fields


def listed_events():
    """The rows of the page: key, level, fields."""
    for line in (ROOT / "docs" / "logs.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            key, level, fields, _ = (cell.strip() for cell in line.strip("|").split("|"))
            yield key.strip("`"), level, frozenset(re.findall(r"`(\w+)`", fields))


def test_each_logged_event_is_a_key_with_a_dot():
    assert [place for place, key, _, _ in logged_events() if not KEY.fullmatch(key)] == []


def test_the_page_lists_each_logged_event_with_its_level_and_its_fields():
    logged = {(key, level, fields) for _, key, level, fields in logged_events()}
    assert logged == set(listed_events())


def test_the_page_lists_the_events_in_order_and_each_once():
    keys = [key for key, _, _ in listed_events()]
    assert keys == sorted(set(keys))
