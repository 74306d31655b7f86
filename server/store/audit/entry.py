"""One entry of the audit, and the hash that joins it to the entry before it."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal

Via = Literal["api_key", "oauth", "issuer", "browser", "command"]
DoorName = Literal["rest", "mcp", "console", "oauth", "command"]
EffectName = Literal["read", "create", "update", "delete"]

#: The outcome of a call that was answered with success, of one that failed by an error of ours, and of one that was
#: broken off. Each other outcome is the code of a refusal.
OK, ERROR, ABANDONED = "ok", "error", "abandoned"
#: The hash before the first entry of a chain.
START = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One call of an operation. It holds nothing of the arguments and nothing of the answer.

    Attributes:
        account_id: the account whose audit it is in: that of the workspace, else the caller's own.
        at: the time at which the call ended.
        request_id: the id of the request, which is in the log and in the journal, too.
        user_id: the person.
        credential_id: the API key, the grant or the external subject; in the console the person.
        client_id: the OAuth client, if there is one.
        via: the kind of credential.
        door: the door.
        workspace_id: the workspace; None if the call was in none, or in one that does not exist.
        operation: the name of the operation.
        effect: the change that the operation makes.
        outcome: `ok`, the code of a refusal, `error` or `abandoned`.
        count: the number of memories or other things that the answer is about; None if there was no answer.
    """

    account_id: str
    at: datetime
    request_id: str
    user_id: str
    credential_id: str
    client_id: str | None
    via: Via
    door: DoorName
    workspace_id: str | None
    operation: str
    effect: EffectName
    outcome: str
    count: int | None = None


FIELDS = tuple(each.name for each in fields(Entry))
#: Returns the values of an entry, in the order of its fields.
_read_fields = attrgetter(*FIELDS)


def hash_entry(before: str, number: int, entry: Entry) -> str:
    """Return the hash of an entry that has this number and follows an entry with the hash `before`, in hex.

    The hashed text is `before`, and after it a JSON array without spaces: the number, and the fields of the entry in
    their order, with the time as milliseconds since 1970.
    """
    account_id, at, *others = _read_fields(entry)
    text = json.dumps([number, account_id, count_milliseconds(at), *others], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256((before + text).encode()).hexdigest()


def count_milliseconds(moment: datetime) -> int:
    """Return a time as whole milliseconds since 1970, as the record keeps it."""
    utc = moment.astimezone(UTC)
    return int(utc.replace(microsecond=0).timestamp()) * 1000 + utc.microsecond // 1000


def describe_entry(entry: Entry) -> dict[str, Any]:
    """Return an entry as it is sent to a webhook or to syslog."""
    return dict(zip(FIELDS, _read_fields(entry), strict=True)) | {"at": entry.at.isoformat(timespec="milliseconds")}
