"""Commands of the command line that run as programs of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PASSWORD = "correct horse battery\n"  # as it is typed
ENDPOINT = {"LOCI_EMBEDDING_URL": "https://embed.test/v1", "LOCI_EMBEDDING_MODEL": "m"}


def run_command(*arguments, data_dir, stdin="", **settings):
    """Run `loci` with these arguments on a data folder, without a model; return the process that ended."""
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT,
        env=os.environ | {"LOCI_DATA_DIR": str(data_dir), "LOCI_EMBEDDING_MODEL": "none"} | settings,
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
    )
