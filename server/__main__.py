"""The command `loci`, and `python -m server`."""

import gc
import sys
from typing import Any

# The imports make many objects, and all of them stay. To look for garbage among them costs a tenth of the start.
gc.disable()
from server.cli import OWN_PROCESS, app  # noqa: E402 - see above

gc.enable()
gc.freeze()


def main() -> None:
    """Run the command line."""
    # A terminal with another encoding shows \\u65e5 for a letter that it lacks, as standard error does anyway.
    stdout: Any = sys.stdout
    stdout.reconfigure(errors="backslashreplace")
    app(prog_name="loci", obj=OWN_PROCESS)  # `python -m server` is the same command


if __name__ == "__main__":
    main()
