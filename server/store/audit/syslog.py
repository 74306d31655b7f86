"""Entries of the audit for syslog: one datagram of RFC 5424 for each, over UDP (RFC 5426)."""

import json
import os
import socket
from collections.abc import Sequence

import structlog

from server.store.audit.entry import OK, Entry, describe_entry

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The facility `log audit` (13) with the severities notice (5) and informational (6): RFC 5424, section 6.2.1.
_FACILITY = 13 * 8
_NOTICE, _INFORMATIONAL = 5, 6


class Syslog:
    """Sends entries to a receiver, and waits for nobody: a datagram that the system does not take is dropped.

    Args:
        address: the receiver's IP address.
        port: its port.
    """

    def __init__(self, address: str, port: int) -> None:
        self._receiver = (address, port)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._host = socket.gethostname() or "-"
        self._has_failed = False

    def send(self, entries: Sequence[Entry]) -> None:
        """Send a datagram for each entry."""
        failures = [error for each in entries if (error := self._send_one(self._format(each))) is not None]
        if failures and not self._has_failed:
            log.warning("audit.syslog_failed", entries=len(failures), error=type(failures[0]).__name__)
        self._has_failed = bool(failures)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _send_one(self, datagram: bytes) -> OSError | None:
        try:
            self._socket.sendto(datagram, self._receiver)
        except OSError as error:
            return error
        return None

    def _format(self, entry: Entry) -> bytes:
        severity = _INFORMATIONAL if entry.outcome == OK else _NOTICE
        told = describe_entry(entry)
        head = f"<{_FACILITY + severity}>1 {told['at']} {self._host} loci {os.getpid()} audit - "
        return (head + json.dumps(told, separators=(",", ":"))).encode()
