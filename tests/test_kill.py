"""`kill -9` and power cuts, a few rounds of what `benchmarks/kill.py` does two hundred times."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "kill.py"


def test_what_was_acknowledged_survives_and_nothing_is_half_done():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--rounds", "5", "--seconds", "90"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 problem(s)" in done.stdout
