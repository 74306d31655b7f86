"""`python -m server`."""

import sys
from typing import Any

from server.cli import app

# A terminal with another encoding shows \\u65e5 for a letter that it lacks, as standard error does anyway.
stdout: Any = sys.stdout
stdout.reconfigure(errors="backslashreplace")
app()
