"""Settings: what the table says, the documentation says, and what is wrong is named."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from server import variables
from server.config import PREFIX, Limits, Settings, is_secret, load_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/configuration.md").read_text()
ROWS = dict(re.findall(r"^\| `(LOCI_\w+)`( \*)? \|.*$", PAGE, re.MULTILINE))
SETTINGS_FILE = variables.SETTINGS_FILE


HTTPS = "must be https unless it is a loopback address"
LIMITS = "there is no such limit; the limits are memories, items, workspaces, monthly_requests, monthly_tokens"
PLAN_NAME = "must be a name of 1 to 60 letters, digits and . _ - and begin with a letter or digit"


def test_every_setting_is_documented_and_nothing_else():
    assert {name: bool(star) for name, star in ROWS.items()} == {
        f"{PREFIX}{name.upper()}": is_secret(name) for name in Settings.model_fields
    }


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_documented_in_its_own_words_with_its_default(name):
    text = (ROOT / "docs/configuration.md").read_text()
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{PREFIX}{name.upper()}`")]
    field = Settings.model_fields[name]
    assert field.description is not None
    assert field.description.replace("|", "\\|") in row
    default = field.get_default(call_default_factory=True)
    if isinstance(default, int) and not isinstance(default, bool):
        assert f"| `{default}` |" in row


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_read_somewhere(name):
    sources = [path.read_text() for folder in ("server", "auth") for path in (ROOT / folder).rglob("*.py")]
    assert any(re.search(rf"\b(settings|self)\.{name}\b", source) for source in sources)


@pytest.fixture(autouse=True)
def no_file(monkeypatch, tmp_path):
    """A person who develops here may have a file of settings."""
    monkeypatch.setattr(variables, "SETTINGS_FILE", tmp_path / "loci.env")
    return tmp_path / "loci.env"


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if get_args(field.annotation)])
def test_each_value_of_a_setting_with_few_values_is_documented(name):
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{PREFIX}{name.upper()}`")]
    if get_origin(Settings.model_fields[name].annotation) is Literal:
        assert all(f"`{value}`" in row for value in get_args(Settings.model_fields[name].annotation))


def test_settings_are_read_from_the_environment():
    assert load_settings({"LOCI_PORT": "9000", "PATH": "/bin"}).public_url == "http://127.0.0.1:9000"


def test_what_the_tests_and_the_hook_are_told_is_no_setting_of_the_servers():
    others = (
        "LOCI_TEST_POSTGRES_URL",
        "LOCI_BENCH_DATA",
        "LOCI_HOOK_SECONDS",
        "LOCI_TLS",
        "LOCI_UPSTREAM",
        "LOCI_HTTP_PORT",
        "LOCI_IMAGE",
        "LOCI_URL",
        "LOCI_API_KEY",
        "LOCI_WORKSPACE",
    )
    assert load_settings(dict.fromkeys(others, "x")) == load_settings({})
    with pytest.raises(SystemExit, match="LOCI_URLS: there is no such setting"):
        load_settings({"LOCI_URLS": "x"})


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path):
    path = tmp_path / "url"
    path.write_text("postgresql://loci@db/loci\n")
    assert load_settings({"LOCI_DATABASE_URL_FILE": str(path)}).sqlalchemy_url == "postgresql+asyncpg://loci@db/loci"


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
        load_settings(environ)


@pytest.mark.parametrize("empty", ["", "  ", "\t\n"])
@pytest.mark.parametrize("suffix", ["", "_FILE"])
@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_setting_is_its_default(name, suffix, empty):
    if not suffix or is_secret(name):
        assert load_settings({f"{PREFIX}{name.upper()}{suffix}": empty}) == load_settings({})


def test_empty_settings_of_the_process_itself_are_their_defaults(monkeypatch):
    expected = load_settings({})
    for name in Settings.model_fields:
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", "")
    assert load_settings() == expected


def test_an_empty_variable_that_is_no_setting_is_still_named():
    with pytest.raises(SystemExit, match="LOCI_PROT: there is no such setting"):
        load_settings({"LOCI_PROT": ""})


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf \n"])
def test_an_empty_file_of_a_secret_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SystemExit, match=f"^LOCI_LLM_API_KEY_FILE: {path}: the file is empty$"):
        load_settings({"LOCI_LLM_API_KEY_FILE": str(path)})


def test_a_file_of_a_secret_that_is_no_text_is_refused_by_its_name(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SystemExit, match=f"^LOCI_LLM_API_KEY_FILE: {path}: must be UTF-8 text$"):
        load_settings({"LOCI_LLM_API_KEY_FILE": str(path)})


def test_a_secret_and_its_file_are_not_both_set(tmp_path):
    path = tmp_path / "key"
    path.write_text("k")
    with pytest.raises(SystemExit, match="LOCI_LLM_API_KEY_FILE: LOCI_LLM_API_KEY is set too; leave one of them out"):
        load_settings({"LOCI_LLM_API_KEY": "x", "LOCI_LLM_API_KEY_FILE": str(path)})


@pytest.mark.parametrize("key", ["a", "x" * 31, "é" * 15])
def test_a_secret_key_that_is_too_short_is_refused_by_the_name_of_its_setting_and_not_shown(tmp_path, key):
    path = tmp_path / "key"
    path.write_text(key, encoding="utf-8")
    for variable, value in (("LOCI_SECRET_KEY", key), ("LOCI_SECRET_KEY_FILE", str(path))):
        with pytest.raises(SystemExit) as stopped:
            load_settings({variable: value})
        assert str(stopped.value).startswith(
            f"{variable}: must be at least 32 bytes long, like the output of python3 -c"
        )
        assert "you set" not in str(stopped.value)


def test_a_secret_key_of_32_random_bytes_is_taken():
    key = "épéàzüqöhßwñjæcøtkbxwmz"
    assert len(key.encode()) == 32
    assert load_settings({"LOCI_SECRET_KEY": key}).secret_key.get_secret_value() == key


@pytest.mark.parametrize(
    "key", ["x" * 32, "é" * 16, "changeme" * 4, "0123456789abcdefghijklmnopqrstuvwxyz", "Zy" * 5000]
)
def test_a_secret_key_that_is_a_pattern_is_refused_by_the_name_of_its_setting_and_not_shown(tmp_path, key):
    path = tmp_path / "key"
    path.write_text(key, encoding="utf-8")
    for variable, value in (("LOCI_SECRET_KEY", key), ("LOCI_SECRET_KEY_FILE", str(path))):
        with pytest.raises(SystemExit) as stopped:
            load_settings({variable: value})
        assert str(stopped.value).startswith(
            f"{variable}: must be random and not a pattern; take the output of python3"
        )
        assert key not in str(stopped.value)


def test_the_file_of_settings_is_read_and_the_environment_wins(no_file, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from-a-file")
    no_file.write_bytes(
        b"\xef\xbb\xbf# mine\r\nexport LOCI_PORT=9000\r\nLOCI_SIGNUP='invite' # until May\r\nLOCI_HOST=\r\n"
        b'LOCI_LLM_MODEL="a $HOME"\r\nLOCI_UNDO_DAYS=3\r\nLOCI_LLM_API_KEY_FILE=' + str(secret).encode() + b"\r\n"
    )
    settings = load_settings({"LOCI_UNDO_DAYS": "7", "LOCI_SIGNUP": ""})
    assert (settings.port, settings.signup, settings.host) == (9000, "invite", "127.0.0.1")
    assert (settings.llm_model, settings.undo_days) == ("a $HOME", 7)
    assert settings.llm_api_key.get_secret_value() == "from-a-file"
    assert load_settings({"LOCI_LLM_API_KEY": "from-here"}).llm_api_key.get_secret_value() == "from-here"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"LOCI_PROT=1\n", "LOCI_PROT in {}: there is no such setting; docs/configuration.md lists them"),
        (b"PORT=1\n", "PORT in {}: there is no such setting; docs/configuration.md lists them"),
        (b"LOCI_ENV_FILE=x\n", "LOCI_ENV_FILE in {}: there is no such setting; docs/configuration.md lists them"),
        (b"LOCI_PORT=x\n", "LOCI_PORT in {}: must be a whole number; you set 'x'"),
        (b"# a\n\nLOCI_PORT\n", "{}, line 3: must be NAME=value"),
        (b"LOCI_PORT=1\nsome words\n", "{}, line 2: must be NAME=value"),
        (b"\xff\n", "{}: must be UTF-8 text"),
    ],
)
def test_a_wrong_line_of_the_file_of_settings_stops_the_start_and_is_named(no_file, content, told):
    no_file.write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        load_settings({})
    assert str(stopped.value) == told.format(no_file)


def test_a_data_folder_in_the_home_is_found_without_a_shell(no_file, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    no_file.write_text("LOCI_DATA_DIR=~/loci\n")
    assert load_settings({}).data_dir == tmp_path / "loci"
    with pytest.raises(SystemExit, match="LOCI_DATA_DIR: begins with the home of a user who is not here"):
        load_settings({"LOCI_DATA_DIR": "~nobody-of-this-name/loci"})


def test_another_file_of_settings_must_be_there(no_file, tmp_path):
    no_file.write_text("LOCI_PORT=1\n")
    (tmp_path / "other").write_text("LOCI_HOST=::1\n")
    settings = load_settings({"LOCI_ENV_FILE": str(tmp_path / "other")})
    assert (settings.host, settings.port) == ("::1", 8080)
    with pytest.raises(SystemExit, match=f"^{tmp_path}/third: No such file or directory$"):
        load_settings({"LOCI_ENV_FILE": f"{tmp_path}/third"})
    assert load_settings({"LOCI_ENV_FILE": ""}).port == 1


def test_a_command_reads_the_file_of_settings(tmp_path):
    (tmp_path / "mine.env").write_text(f"LOCI_DATA_DIR={tmp_path / 'data'}\n")
    environ = {name: value for name, value in os.environ.items() if name != "LOCI_DATA_DIR"}
    command = [sys.executable, "-m", "server", "migrate"]
    subprocess.run(command, cwd=ROOT, env=environ | {"LOCI_ENV_FILE": str(tmp_path / "mine.env")}, check=True)
    assert (tmp_path / "data" / "loci.db").exists()


def test_git_ignores_the_usual_file_of_settings_beside_the_makefile():
    assert f"{SETTINGS_FILE.name}" in (ROOT / ".gitignore").read_text().splitlines()
    assert (SETTINGS_FILE.parent / "Makefile").exists()


def test_a_wrong_secret_is_not_shown():
    with pytest.raises(SystemExit) as stopped:
        load_settings({"LOCI_DATABASE_URL": "postgresql://loci:hunter2@db/loci", "LOCI_PORT": "x"})
    assert "hunter2" not in str(stopped.value)


def test_a_public_url_has_no_slash_at_its_end():
    assert (
        load_settings({"LOCI_PUBLIC_URL": "https://memory.example.com/"}).resource == "https://memory.example.com/mcp"
    )


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("LOCI_PORT", "eighty", "must be a whole number; you set 'eighty'"),
        ("LOCI_PORT", "70000", "must be 65535 or less; you set '70000'"),
        ("LOCI_OPEN_WORKSPACES", "0", "must be 1 or more; you set '0'"),
        ("LOCI_OAUTH_REGISTRATION", "perhaps", "must be true or false; you set 'perhaps'"),
        ("LOCI_SIGNUP", "yes", "must be 'closed', 'invite' or 'open'; you set 'yes'"),
        ("LOCI_EMBEDDING_URL", "http://embed.test/v1", HTTPS + "; you set 'http://embed.test/v1'"),
        (
            "LOCI_EMBEDDING_URL",
            "embed.test",
            "must be scheme://host[:port]/path, like https://api.openai.com/v1; you set 'embed.test'",
        ),
        (
            "LOCI_EMBEDDING_URL",
            "https://embed.test/v1?key=1",
            "must be scheme://host[:port]/path, like https://api.openai.com/v1; you set 'https://embed.test/v1?key=1'",
        ),
        (
            "LOCI_EMBEDDING_URL",
            "https://ann:hunter2@embed.test",
            "must not contain a password; use LOCI_EMBEDDING_API_KEY for it",
        ),
        *(
            (f"LOCI_{name}_API_KEY", key, "must consist of printable ASCII characters without spaces")
            for name in ("EMBEDDING", "LLM", "QDRANT")
            for key in ("two words", "schlüssel")
        ),
        ("LOCI_LLM_URL", "http://llm.test/v1", HTTPS + "; you set 'http://llm.test/v1'"),
        ("LOCI_LLM_URL", "https://ann:hunter2@llm.test", "must not contain a password; use LOCI_LLM_API_KEY for it"),
        (
            "LOCI_LLM_URL",
            "api.openai.com/v1",
            "must be scheme://host[:port]/path, like https://api.openai.com/v1; you set 'api.openai.com/v1'",
        ),
        ("LOCI_LLM_URL", "http://[::1", "Invalid IPv6 URL; you set 'http://[::1'"),
        *(
            ("LOCI_PLANS", plans, f"{demand}; you set {plans!r}")
            for plans, demand in (
                ("free", 'must be JSON, like {"free": {"memories": 100}}'),
                ("[1]", "must be a JSON object"),
                ('{"free": 5}', "free: must be a JSON object"),
                ('{"free": {"memory": 5}}', f"free.memory: {LIMITS}"),
                ('{"free": {"items": -1}}', "free.items: must be 0 or more"),
                ('{"free": {"items": 1.5}}', "free.items: must be a whole number"),
                ('{"free": {"items": "5"}}', "free.items: must be a whole number"),
                ('{"free": {"items": true}}', "free.items: must be a whole number"),
                ('{"a b": {}}', f"a b: {PLAN_NAME}"),
                ('{"": {}}', PLAN_NAME),
            )
        ),
        ("LOCI_DEFAULT_PLAN", "free", "must be left out because LOCI_PLANS names no plan; you set 'free'"),
        ("LOCI_EMBEDDING_DIMS", "-1", "must be 0 or more; you set '-1'"),
        (
            "LOCI_PUBLIC_URL",
            "http://memory.example.com",
            HTTPS + "; you set 'http://memory.example.com'",
        ),
    ],
)
def test_what_is_wrong_with_a_setting_is_told_in_plain_words(variable, value, told):
    with pytest.raises(SystemExit) as stopped:
        load_settings({variable: value})
    assert str(stopped.value) == f"{variable}: {told}"


def test_plans_are_data_and_a_limit_that_is_left_out_is_none():
    settings = load_settings(
        {"LOCI_PLANS": '{"free": {"memories": 100, "items": 0}, "full": {}}', "LOCI_DEFAULT_PLAN": "free"}
    )
    assert settings.plans == {"free": Limits(memories=100, items=0), "full": Limits()}
    assert settings.plans["free"].workspaces is None
    assert (load_settings({}).plans, load_settings({"LOCI_PLANS": ""}).plans) == ({}, {})


def test_the_default_plan_is_one_of_the_plans():
    with pytest.raises(SystemExit, match="LOCI_DEFAULT_PLAN: must be one of free, pro; you set 'gold'"):
        load_settings({"LOCI_PLANS": '{"free": {}, "pro": {}}', "LOCI_DEFAULT_PLAN": "gold"})
    with pytest.raises(SystemExit) as stopped:
        load_settings({"LOCI_PLANS": '{"free": {"items": -1}}', "LOCI_DEFAULT_PLAN": "free"})
    assert "LOCI_DEFAULT_PLAN" not in str(stopped.value), "the plans are what is wrong"


@pytest.mark.parametrize("model", [{}, {"LOCI_EMBEDDING_MODEL": "auto"}])
def test_an_endpoint_needs_the_name_of_its_model(model):
    with pytest.raises(SystemExit, match="LOCI_EMBEDDING_MODEL: must name the model at LOCI_EMBEDDING_URL"):
        load_settings({"LOCI_EMBEDDING_URL": "https://embed.test/v1", **model})


def test_an_endpoint_on_this_machine_may_be_http_and_has_no_slash_at_its_end():
    url = "http://127.0.0.1:11434/v1"
    assert (
        load_settings({"LOCI_EMBEDDING_URL": f"{url}/", "LOCI_EMBEDDING_MODEL": "nomic-embed-text"}).embedding_url
        == url
    )


@pytest.mark.parametrize(
    ("provider", "more", "told"),
    [
        ("openia", {}, "LOCI_EMBEDDING_PROVIDER: must be one of local, endpoint, openai, cohere, voyage, ollama"),
        ("endpoint", {}, "LOCI_EMBEDDING_URL: must be set"),
        ("local", {"LOCI_EMBEDDING_URL": "https://a.test"}, "LOCI_EMBEDDING_URL: must be left out"),
        ("openai", {}, "LOCI_EMBEDDING_API_KEY: must be set, because LOCI_EMBEDDING_PROVIDER is openai"),
        ("cohere", {}, "LOCI_EMBEDDING_API_KEY: must be set"),
        ("voyage", {}, "LOCI_EMBEDDING_API_KEY: must be set"),
        ("ollama", {"LOCI_EMBEDDING_MODEL": "none"}, "LOCI_EMBEDDING_MODEL: must not be none"),
        ("ollama", {"LOCI_EMBEDDING_URL": "http://ollama:11434"}, HTTPS),
        ("openai", {"LOCI_EMBEDDING_API_KEY": "sk-hunter2 x"}, "printable ASCII"),
    ],
)
def test_a_provider_of_embeddings_that_lacks_something_stops_the_start(provider, more, told):
    with pytest.raises(SystemExit, match=told) as stopped:
        load_settings({"LOCI_EMBEDDING_PROVIDER": provider} | more)
    assert "hunter2" not in str(stopped.value)


@pytest.mark.parametrize(
    ("environ", "provider"),
    [
        ({}, "local"),
        ({"LOCI_EMBEDDING_MODEL": "none"}, "local"),
        ({"LOCI_EMBEDDING_URL": "https://a.test/v1", "LOCI_EMBEDDING_MODEL": "m"}, "endpoint"),
        ({"LOCI_EMBEDDING_PROVIDER": "ollama"}, "ollama"),
        ({"LOCI_EMBEDDING_PROVIDER": "openai", "LOCI_EMBEDDING_URL": "https://proxy.test/v1"}, "openai"),
    ],
)
def test_the_provider_of_embeddings_follows_from_the_settings(environ, provider):
    assert load_settings(environ).chosen_provider == provider


LOGGING = """
import logging, structlog
from server.logs import configure_logs
configure_logs("json")
structlog.get_logger().info("no name")
structlog.get_logger("server.access").info("a name")
logging.getLogger("library").warning("theirs")
"""


def test_a_log_line_has_a_name_only_where_its_logger_has_one():
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", LOGGING], cwd=root, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line.get("logger", "none") for line in lines] == ["none", "server.access", "library"]
