"""Settings: what the table says, the documentation says, and what is wrong is named."""

import re
from pathlib import Path

import pytest

from server.config import PREFIX, Settings, is_secret, load

ROWS = dict(
    re.findall(
        r"^\| `(LOCI_\w+)`( \*)? \|.*$",
        (Path(__file__).parent.parent / "docs/configuration.md").read_text(),
        re.MULTILINE,
    )
)


def test_every_setting_is_documented_and_nothing_else():
    assert {name: bool(star) for name, star in ROWS.items()} == {
        f"{PREFIX}{name.upper()}": is_secret(name) for name in Settings.model_fields
    }


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_documented_in_its_own_words_with_its_default(name):
    text = (Path(__file__).parent.parent / "docs/configuration.md").read_text()
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{PREFIX}{name.upper()}`")]
    field = Settings.model_fields[name]
    assert field.description.replace("|", "\\|") in row
    default = field.get_default(call_default_factory=True)
    if isinstance(default, int) and not isinstance(default, bool):
        assert f"| `{default}` |" in row


def test_settings_are_read_from_the_environment():
    assert load({"LOCI_PORT": "9000", "PATH": "/bin"}).public_url == "http://127.0.0.1:9000"


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path):
    path = tmp_path / "url"
    path.write_text("postgresql://loci@db/loci\n")
    assert load({"LOCI_DATABASE_URL_FILE": str(path)}).sqlalchemy_url == "postgresql+asyncpg://loci@db/loci"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"LOCI_PROT": "1"}, "LOCI_PROT"),
        ({"LOCI_PORT": "x"}, "LOCI_PORT"),
        ({"LOCI_PORT": "70000"}, "LOCI_PORT"),
        ({"LOCI_SIGNUP": "yes"}, "LOCI_SIGNUP"),
        ({"LOCI_PUBLIC_URL": "http://memory.example.com"}, "https"),
        ({"LOCI_PUBLIC_URL": "https://memory.example.com/path"}, "without a path"),
        ({"LOCI_TRUSTED_PROXIES": "10.0.0.0/8,nonsense"}, "LOCI_TRUSTED_PROXIES"),
        ({"LOCI_DATABASE_URL_FILE": "/nowhere/at/all"}, "LOCI_DATABASE_URL_FILE"),
        ({"LOCI_HOST_FILE": "/etc/hostname"}, "LOCI_HOST_FILE"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(environ, named):
    with pytest.raises(SystemExit, match=named):
        load(environ)


def test_a_wrong_secret_is_not_shown():
    with pytest.raises(SystemExit) as stopped:
        load({"LOCI_DATABASE_URL": "postgresql://loci:hunter2@db/loci", "LOCI_PORT": "x"})
    assert "hunter2" not in str(stopped.value)


def test_a_public_url_has_no_slash_at_its_end():
    assert load({"LOCI_PUBLIC_URL": "https://memory.example.com/"}).resource == "https://memory.example.com/mcp"
