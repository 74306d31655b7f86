"""A value that somebody else chose moves no terminal's cursor and begins no line of the text log."""

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from server.logs import LineRenderer, configure_logs

pytestmark = pytest.mark.usefixtures("kept_handlers")


@pytest.mark.parametrize("value", ["\x1b[2J", "a\nb", "a\rb", "\x9b31m", "\u202egnp", "\u2028", "\x7f", "\x07"])
def test_control_characters_of_a_value_are_written_as_escapes(capsys, value):
    configure_logs("text")
    structlog.get_logger("test").info("login.failed", name=value, field="plain")
    (line,) = capsys.readouterr().err.rstrip("\n").split("\n")
    assert value not in line
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in line)
    assert "plain" in line


def test_a_traceback_keeps_its_lines_and_loses_its_escapes(capsys):
    configure_logs("text")
    try:
        int("\x1b[2J")
    except ValueError:
        structlog.get_logger("test").exception("request.failed")
    written = capsys.readouterr().err
    assert "\x1b" not in written
    assert written.count("\n") > 2


def test_ordinary_letters_of_all_scripts_stay(capsys):
    configure_logs("text")
    structlog.get_logger("test").info("login.failed", name="Zoë 東京 ñ")
    assert "Zoë 東京 ñ" in capsys.readouterr().err


@given(
    st.dictionaries(
        st.sampled_from(["name", "path", "ms", "status", "problem"]),
        st.one_of(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12), st.integers(), st.none()),
    ),
    st.sampled_from([{}, {"logger": "server.access"}, {"exception": "Traceback\n  line"}]),
)
@settings(max_examples=100)
def test_a_line_is_the_one_of_structlogs_console_renderer(values, more):
    event = {"timestamp": "2026-11-30T04:00:00Z", "level": "info", "event": "request.answered", **values, **more}
    written = LineRenderer()(None, "info", dict(event))
    assert written == structlog.dev.ConsoleRenderer(colors=False)(None, "info", dict(event))


def test_a_line_without_a_traceback_does_not_need_structlogs_console_renderer(monkeypatch):
    renderer = LineRenderer()
    monkeypatch.setattr(structlog.dev.ConsoleRenderer, "__call__", None)
    event = {"timestamp": "now", "level": "info", "event": "request.answered", "path": "/v1", "note": "two words"}
    assert renderer(None, "info", event) == f"now [info     ] {'request.answered':<30} note='two words' path=/v1"
