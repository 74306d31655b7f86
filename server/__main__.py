"""`python -m server`."""

import sys
from io import TextIOWrapper

from server.cli import app

# A terminal with another encoding shows \\u65e5 for a letter that it lacks, as standard error does anyway.
if isinstance(sys.stdout, TextIOWrapper):
    sys.stdout.reconfigure(errors="backslashreplace")
app()
