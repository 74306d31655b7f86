"""The limit of files and sockets that this process may have open at once."""

import sys


def raise_descriptor_limit() -> int:
    """Raise the number of descriptors to the most that the system allows this process, and return it."""
    if sys.platform == "win32":
        return 8192  # the sockets of a process have no such limit there
    import resource  # noqa: PLC0415 - there is none on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft  # macOS names no hard limit and refuses to have none
    return hard
