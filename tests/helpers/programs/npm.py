"""Packages of npm that tests need, in a folder of the virtual environment, at exact versions."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def install_packages(manifest: Path, name: str) -> Path:
    """The folder `node_modules` of a package.json; installed if it is missing or of another package.json.

    Two workers may ask at once: one installs, the other waits.
    """
    tools = ROOT / ".venv" / name
    tools.mkdir(parents=True, exist_ok=True)
    wanted = manifest.read_text()
    installed = tools / "package.json"
    with (tools / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_text() != wanted:
            shutil.rmtree(tools / "node_modules", ignore_errors=True)
            staged = tools / "staged"
            staged.mkdir(exist_ok=True)
            shutil.copy(manifest, staged / "package.json")
            quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
            subprocess.run(["npm", "install", *quiet], cwd=staged, check=True, stdout=sys.stderr, timeout=300)
            (staged / "node_modules").rename(tools / "node_modules")
            installed.write_text(wanted)
    return tools / "node_modules"
