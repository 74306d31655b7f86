"""Making a backup: written, read back, compared, and only then given its name."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from server.progress import Progress
from server.store.backup.check import check_file
from server.store.backup.container import BackupWriter
from server.store.backup.dump import dump_record
from server.store.backup.encryption import COST, make_encryption
from server.store.backup.files import open_new_file, sync_file
from server.store.backup.manifest import Manifest
from server.store.backup.pace import rest_between
from server.store.backup.refusals import DamagedBackup


@dataclass(frozen=True, slots=True)
class WrittenBackup:
    """A backup that was written and read back."""

    path: Path
    size: int
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Protection:
    """The password of an encrypted backup, and the secret key that it then holds. Both are None for a plain one."""

    password: str | None = None
    secret_key: str | None = None
    cost: int = COST


async def write_backup(
    url: sa.URL, path: Path, made_at: datetime, protection: Protection, *, writing: Progress, checking: Progress
) -> WrittenBackup:
    """Back up a record into a new file. The file has its name only after it was read back from the disk.

    Args:
        url: the record's database.
        path: the file, which must not exist.
        made_at: the time now.
        protection: the password and the secret key.
        writing: called while the rows are written.
        checking: called while they are read back.

    Raises:
        NoRecord: the database has no schema.
        SchemaTooNew: its schema is one that this code does not know.
        FileExistsError: there is such a file.
        OSError: the file cannot be written.
        DamagedBackup: the disk gave other bytes back than were written.
    """
    encryption = None if protection.password is None else make_encryption(protection.password, protection.cost)
    key = None if encryption is None else protection.secret_key
    with open_new_file(path) as (file, partial):
        manifest, digest = await dump_record(url, BackupWriter(file, encryption), made_at, key, rest_between(writing))
        sync_file(file)
        size = file.tell()
        if await check_file(partial, protection.password, rest_between(checking)) != (manifest, digest):
            raise DamagedBackup("the disk gave back other bytes than were written")
    return WrittenBackup(path, size, manifest)
