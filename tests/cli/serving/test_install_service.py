"""`install-service`: the unit that it writes, and the units that it does not touch."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.cli.serving import install_service
from server.cli.serving.install_service import Installation, render_unit

ROOT = Path(__file__).parents[3]


def lines(unit, key):
    """The values of a key of a unit."""
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]


def installation(home="/home/ann", data="/home/ann/loci/data", settings_file="/home/ann/loci/loci.env"):
    checkout = Path(home) / "loci"
    return Installation(
        user="ann",
        program=checkout / ".venv/bin/loci",
        readable=(checkout, checkout / ".venv", Path("/usr"), Path(settings_file).parent, Path(data) / "models"),
        settings_file=Path(settings_file),
        data=Path(data),
    )


def run(*arguments, home, **environ):
    file = Path(home) / "loci.env"
    told = {"HOME": str(home), "LOCI_ENV_FILE": str(file), "LOCI_DATA_DIR": str(Path(home) / "data")} | environ
    result = CliRunner().invoke(app, ["install-service", "--user", *arguments], env=told)
    assert not isinstance(result.exception, AssertionError), result.exception
    return result


def test_the_unit_of_the_system_sees_of_the_homes_only_the_installation_and_writes_only_its_data():
    unit = render_unit(installation(), for_system=True)
    assert lines(unit, "User") == ["ann"]
    assert lines(unit, "ProtectHome") == ["tmpfs"]
    assert lines(unit, "BindReadOnlyPaths") == ["-/home/ann/loci"]
    assert lines(unit, "BindPaths") == lines(unit, "ReadWritePaths") == ["/home/ann/loci/data"]
    assert lines(unit, "ExecStart") == ["/home/ann/loci/.venv/bin/loci serve"]
    assert lines(unit, "WantedBy") == ["multi-user.target"]


def test_a_package_sees_its_settings_and_its_python_too():
    package = Installation(
        user="ann",
        program=Path("/home/ann/.local/share/uv/tools/loci/bin/loci"),
        readable=tuple(
            Path("/home/ann") / each
            for each in (".local/share/uv/tools/loci", ".local/share/uv/python/3.13", ".config/loci")
        ),
        settings_file=Path("/home/ann/.config/loci/loci.env"),
        data=Path("/home/ann/.local/share/loci"),
    )
    unit = render_unit(package, for_system=True)
    assert lines(unit, "BindReadOnlyPaths") == [f"-{folder}" for folder in package.readable]
    assert lines(unit, "BindPaths") == ["/home/ann/.local/share/loci"]


def test_outside_the_homes_no_folder_has_to_be_brought_back():
    unit = render_unit(installation("/srv", "/srv/loci/data", "/srv/loci/loci.env"), for_system=True)
    assert not lines(unit, "BindReadOnlyPaths") + lines(unit, "BindPaths")
    assert lines(unit, "ReadWritePaths") == ["/srv/loci/data"]


def test_a_path_with_blanks_quotes_and_percent_signs_stays_one_path():
    unit = render_unit(installation('/home/ann b"%', '/home/ann b"%/data'), for_system=True)
    assert lines(unit, "ExecStart") == ['"/home/ann b\\"%%/loci/.venv/bin/loci" serve']
    assert lines(unit, "ReadWritePaths") == ['"/home/ann b\\"%%/data"']
    assert lines(unit, "WorkingDirectory") == ['/home/ann b"%%/data']


@pytest.mark.parametrize("for_system", [True, False])
def test_only_the_server_is_told_to_stop_and_it_ends_its_engine_processes(for_system):
    unit = render_unit(installation(), for_system=for_system)
    assert lines(unit, "KillMode") == ["mixed"]
    assert lines(unit, "Type") == ["notify"]
    assert lines(unit, "Restart") == ["on-failure"]


def test_the_unit_of_a_user_asks_for_nothing_that_only_an_administrator_may():
    unit = render_unit(installation(), for_system=False)
    refused = ("User", "ProtectSystem", "ProtectHome", "PrivateDevices", "CapabilityBoundingSet", "BindPaths")
    assert not [key for key in refused if lines(unit, key)]
    assert lines(unit, "NoNewPrivileges") == ["yes"]
    assert lines(unit, "WantedBy") == ["default.target"]


def test_a_unit_is_written_once_and_replaced_only_if_somebody_says_so(tmp_path):
    (tmp_path / "loci.env").write_text("LOCI_LLM_API_KEY=very-secret\n")
    unit = tmp_path / ".config/systemd/user/loci.service"
    first = run(home=tmp_path)
    assert first.exit_code == 0
    for step in ("model pull", "systemctl --user daemon-reload", "enable --now loci", "journalctl --user", "linger"):
        assert step in first.output
    written = unit.read_text()
    assert "very-secret" not in written
    assert lines(written, "Environment") == [
        f"LOCI_DATA_DIR={tmp_path / 'data'}",
        f"LOCI_ENV_FILE={tmp_path / 'loci.env'}",
    ]
    assert run(home=tmp_path).exit_code == 0  # it would be the same
    unit.write_text("[Unit]\nDescription=mine\n")
    refused = run(home=tmp_path)
    assert refused.exit_code == 1
    assert "--force" in refused.output
    assert "mine" in unit.read_text()
    assert run("--force", home=tmp_path).exit_code == 0
    assert unit.read_text() == written


def test_the_unit_can_be_read_before_it_is_written(tmp_path):
    (tmp_path / "loci.env").touch()
    shown = run("--print", home=tmp_path)
    assert lines(shown.output, "ExecStart") == [f"{ROOT / '.venv/bin/loci'} serve"]
    assert not (tmp_path / ".config").exists()


def test_settings_of_the_shell_are_named_because_the_service_does_not_get_them(tmp_path):
    (tmp_path / "loci.env").touch()
    output = run(home=tmp_path, LOCI_LLM_API_KEY="very-secret").output
    assert "does not get LOCI_LLM_API_KEY of your shell" in output
    assert "very-secret" not in output


def test_the_service_does_not_run_as_root(monkeypatch, tmp_path):
    root = Installation("root", tmp_path, (), tmp_path / "loci.env", tmp_path)
    monkeypatch.setattr(install_service, "_find_installation", lambda: root)
    result = CliRunner().invoke(app, ["install-service", "--system", "--print"])
    assert result.exit_code == 1
    assert "must not run as root" in result.output


def test_a_copy_in_the_cache_of_uv_is_no_installation(monkeypatch, tmp_path):
    monkeypatch.setattr(install_service.sys, "prefix", str(tmp_path / "uv/archive-v0/x"))
    result = run("--print", home=tmp_path)
    assert result.exit_code == 1
    assert "uv tool install loci-memory-server" in result.output


def test_with_sudo_the_data_folder_is_that_of_the_owner(monkeypatch, tmp_path):
    owner = install_service.pwd.getpwuid(ROOT.stat().st_uid)
    monkeypatch.setattr(install_service.os, "getuid", lambda: owner.pw_uid + 1)
    monkeypatch.setattr(install_service, "is_checkout", lambda: True)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCI_DATA_DIR", "~/no/such/folder")
    monkeypatch.setenv("HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["install-service", "--user", "--print"])
    assert result.exit_code == 1
    assert f"There is no {owner.pw_dir}/no/such/folder yet" in result.output
    assert f"as {owner.pw_name}" in result.output
