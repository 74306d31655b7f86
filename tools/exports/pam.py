"""The export as a signed document of Portable AI Memory 1.0, written as it is read."""

import hashlib
import json
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.ids import new_id
from server.memory.models import Memory
from server.store.db import Database
from server.store.record.workspaces import Workspace
from tools.exports.pam_objects import canonicalize, make_memory, make_other, make_relation, sign, write_time
from tools.exports.reading import read_everything


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose memories they are, by what program they are exported, and the key that signs."""

    owner_id: str
    version: str
    key: Ed25519PrivateKey


class _Spool:
    """The canonical objects on the disk: their digest is of all of them in the order of their ids."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: list[tuple[str, int, int]] = []
        self._end = 0

    def add(self, object_id: str, canonical: bytes) -> None:
        self._places.append((object_id, self._end, len(canonical)))
        self._file.write(canonical)
        self._end += len(canonical)

    def list_ids(self) -> set[str]:
        return {object_id for object_id, _, _ in self._places}

    def compute_checksum(self) -> str:
        digest = hashlib.sha256(b"[")
        for number, (_, start, size) in enumerate(sorted(self._places)):
            self._file.seek(start)
            digest.update((b"," if number else b"") + self._file.read(size))
        digest.update(b"]")
        return f"sha256:{digest.hexdigest()}"

    @property
    def count(self) -> int:
        return len(self._places)


async def write_pam(
    db: Database, places: Sequence[Workspace], signer: Signer, now: datetime
) -> AsyncGenerator[tuple[str, int]]:
    """Yield the text of a document in pieces, each with the number of its memories.

    The objects are kept on the disk until the end, so that memory stays flat.
    """
    head: dict[str, Any] = {
        "schema": "portable-ai-memory",
        "schema_version": "1.0",
        "export_id": new_id(now),
        "exported_by": f"loci/{signer.version}",
        "export_date": write_time(now),
        "owner": {"id": signer.owner_id},
    }
    with ExitStack() as stack:
        spool = _Spool(stack.enter_context(tempfile.TemporaryFile()))
        relations = stack.enter_context(tempfile.TemporaryFile())
        yield json.dumps(head)[:-1] + ',"memories":[', 0
        async for text, count in _write_memories(db, places, spool, relations, now):
            yield text, count
        yield '],"relations":[', 0
        known, separator = spool.list_ids(), ""
        relations.seek(0)
        for line in relations:
            if json.loads(line)["to"] in known:
                yield separator + line.decode().strip(), 0
                separator = ","
        checksum = spool.compute_checksum()
        integrity = {"canonicalization": "RFC8785", "checksum": checksum, "total_memories": spool.count}
        signature = sign(signer.key, checksum, head["export_id"], head["export_date"], signer.owner_id)
        yield f'],"integrity":{json.dumps(integrity)},"signature":{json.dumps(signature)}}}\n', 0


async def _write_memories(
    db: Database, places: Sequence[Workspace], spool: _Spool, relations: IO[bytes], now: datetime
) -> AsyncGenerator[tuple[str, int]]:
    others, separator = 0, ""
    for place in places:
        async for each in read_everything(db, place):
            if isinstance(each, Memory):
                made = make_memory(each)
                for position, link in enumerate(each.linkages):
                    if relation := make_relation(each, position, link):
                        relations.write(json.dumps(relation).encode() + b"\n")
            else:
                others += 1
                made = make_other(others, each, now)
            canonical = canonicalize(made)
            spool.add(made["id"], canonical)
            yield f"{separator}{canonical.decode()}", int(isinstance(each, Memory))
            separator = ","
