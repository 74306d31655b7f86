"""Ids are UUIDv7 strings (RFC 9562, section 5.7), so that the order of ids is the order of time."""

import secrets
from datetime import datetime
from typing import NewType
from uuid import UUID

#: The id of a user. It comes from the record, by way of a principal or a login: a text of a request is none, nor is the
#: id of a client.
UserId = NewType("UserId", str)


def new_id(now: datetime) -> str:
    """Return a fresh id: 48 bits of milliseconds, then 74 random ones."""
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    number = (milliseconds << 80) | secrets.randbits(80)
    number = (number & ~(0xF << 76)) | (0x7 << 76)
    return str(UUID(int=(number & ~(0x3 << 62)) | (0x2 << 62)))
