"""A value that somebody else chose moves no terminal's cursor and begins no line of the text log."""

import pytest
import structlog

from server.logs import configure_logs

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
