"""`restore`: a backup, into an empty data folder or database, or in place of the present record."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import make_url

from server.cli.common import print_line, run_command
from server.cli.record.backup import PasswordFile, describe_content, read_password_file, show_progress
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.progress import Progress
from server.store.backup.check import check_file, is_encrypted
from server.store.backup.files import find_free_path
from server.store.backup.load import check_known
from server.store.backup.manifest import Manifest
from server.store.backup.refusals import UnusableBackup
from server.store.backup.restoring import CheckedBackup, InUse, Restored, Restoring, find_record_state, restore_record
from server.store.search.folder_ownership import FolderOwnership


def restore_backup(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the present record, which is kept under another name.")
    ] = False,
    password_file: PasswordFile = None,
) -> None:
    """Restore a backup. No server may run on the data folder or the database.

    The file is read to its end before anything is written, and the record changes in one step at the end. SQLite or
    Postgres, an embedded search store or a Qdrant server: the backup may come from any of them.
    """

    async def restore_file(settings: Settings) -> None:
        with FolderOwnership.acquire(settings.data_dir):
            if not replace and await find_record_state(make_url(settings.sqlalchemy_url)) == "filled":
                place = "The database" if settings.database_url.get_secret_value() else settings.data_dir.absolute()
                advice = (
                    "Restore into another one, or add --replace: the present record is then kept under another name."
                )
                raise Failure("conflict", f"{place} holds a record already. {advice}")
            with _explain_refusals(file):
                _check_kind(file)
                password = _read_password(file, password_file)
                async with show_progress() as start:
                    outcome = await _restore(settings, file, password, start)
        _print_outcome(*outcome)

    run_command(restore_file)


async def _restore(
    settings: Settings, file: Path, password: str | None, start: Callable[[str], Progress]
) -> tuple[Manifest, Restored, str | None]:
    """Check the backup, then restore it. Return its manifest, what was done, and the key's sentence."""
    manifest, digest = await check_file(file, password, start("Checking"))
    check_known(manifest)
    wanted = Restoring(
        url=make_url(settings.sqlalchemy_url),
        backup=CheckedBackup(file, password, digest),
        now=utc_now(),
        needs_reindex=bool(settings.qdrant_url),
        shards=None if settings.qdrant_url else settings.data_dir / "shards",
    )
    restored = await restore_record(wanted, start("Restoring"))
    return manifest, restored, _restore_secret_key(settings, manifest, wanted.stamp)


@contextmanager
def _explain_refusals(file: Path) -> Generator[None]:
    """Turn the reasons against a restore into sentences that say what to do."""
    try:
        yield
    except UnusableBackup as error:
        raise Failure("invalid", f"{file} {error}. Nothing was changed.") from None
    except InUse as error:
        raise Failure("conflict", f"{error}. Stop the servers on it first. Nothing was changed.") from None
    except OSError as error:
        if error.filename != str(file):
            raise
        raise Failure("invalid", f"{file}: {error.strerror}. Name a backup that you may read.") from None


def _check_kind(file: Path) -> None:
    """Check that a backup can be read twice. A pipe cannot, and to open a named one would wait for its writer."""
    if file.exists() and not file.is_file():
        raise Failure("invalid", f"{file} is not a regular file. Copy the backup into one, and restore that.")


def _read_password(file: Path, password_file: Path | None) -> str | None:
    """Return the password of a backup; None if it is plain, or if there is nobody to ask."""
    if not is_encrypted(file):
        return None
    if password_file is not None:
        return read_password_file(password_file)
    if sys.stdin.isatty():
        return typer.prompt("Password of the backup", hide_input=True, err=True)
    return None


def _restore_secret_key(settings: Settings, manifest: Manifest, stamp: str) -> str | None:
    """Write the secret key of a backup into the data folder, and return a sentence about it; None if there is none.

    It is written last: if the machine stops before, the server cannot read the signing keys of the backup. It then
    makes a new one, and apps ask for new tokens.
    """
    path = settings.data_dir / "secret.key"
    if manifest.secret_key is None:
        return None
    if settings.secret_key.get_secret_value():
        return "The secret key of the backup was not written, because LOCI_SECRET_KEY is set."
    if path.exists():
        if path.read_text(errors="replace").strip() == manifest.secret_key:
            return None
        path.rename(find_free_path(path.parent, f"secret.before-restore-{stamp}", ".key"))
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(manifest.secret_key)
        file.flush()
        os.fsync(file.fileno())
    return f"{path.absolute()} was restored, too."


def _print_outcome(manifest: Manifest, restored: Restored, key_note: str | None) -> None:
    lines = [f"Restored {describe_content(manifest)}, as they were at {manifest.made_at:%Y-%m-%d %H:%M} UTC."]
    if restored.kept is not None:
        lines.append(f"The record from before is kept as {restored.kept}.")
    if restored.held_events:
        reason = "the server of the backup may have sent them since"
        cure = "If it has not, `loci webhook retry --failed` sends them."
        lines.append(f"{restored.held_events} webhook event(s) are held back, because {reason}. {cure}")
    if key_note is not None:
        lines.append(key_note)
    lines.append("Start the server: it builds the search store from the record.")
    for line in lines:
        print_line(line)
