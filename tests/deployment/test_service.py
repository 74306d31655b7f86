"""The unit of `install-service`, judged by systemd itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from server.cli.serving.install_service import Installation, render_unit

#: The exposure that systemd computes, from 0 (safe) to 10.
MOST_EXPOSED = "20"  # tenths


@pytest.fixture
def analyze(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here: apt-get install systemd")

    environ = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}  # the user's manager wants one

    def run(*arguments):
        return subprocess.run(["systemd-analyze", *arguments], env=environ, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def write_unit(tmp_path):
    program = tmp_path / "with blank %/loci"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    def write(*, for_system):
        readable = (Path("/home/ann/loci"), Path("/usr"))
        installation = Installation("daemon", program, readable, tmp_path / "loci.env", Path("/home/ann/loci/data"))
        unit = tmp_path / "loci.service"
        unit.write_text(render_unit(installation, for_system=for_system))
        return str(unit)

    return write


def test_the_service_of_the_system_is_hardened(analyze, write_unit):
    unit = write_unit(for_system=True)
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    assert done.returncode == 0, done.stdout
    # The threshold does refuse a unit without some of the lines.
    text = Path(unit).read_text()
    Path(unit).write_text(text.replace("CapabilityBoundingSet", "#"))
    assert analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit).returncode == 1


@pytest.mark.parametrize("for_system", [True, False])
def test_systemd_understands_every_line_of_the_unit(analyze, write_unit, for_system):
    unit = write_unit(for_system=for_system)
    manager = "--system" if for_system else "--user"
    done = analyze(manager, "verify", "--recursive-errors=no", unit)
    assert [line for line in done.stderr.splitlines() if "loci.service" in line] == []
    Path(unit).write_text(Path(unit).read_text().replace("UMask=", "UMsak="))
    assert "UMsak" in analyze(manager, "verify", "--recursive-errors=no", unit).stderr
