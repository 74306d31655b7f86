"""Messages to the service manager that has started this process: systemd, or another one that has its protocol."""

import os
import socket
from contextlib import suppress


def notify_service_manager(state: str) -> None:
    """Tell the service manager a state, `READY=1` or `STOPPING=1`, if it has asked for it (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    # A manager that has gone away is no reason to stop.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        manager.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
