"""`backup`: the whole record in one file, while the server runs."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import make_url

from auth.accounts.passwords import check_password
from server.cli.common import ask_new_password, give_way, make_bar, print_line, run_command, stderr
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.progress import Progress
from server.small_files import UnusableFile, read_small_file
from server.store.backup.dump import NoRecord
from server.store.backup.files import name_by_time, remove_leftovers, remove_oldest
from server.store.backup.known import note_backup
from server.store.backup.manifest import Manifest
from server.store.backup.refusals import DamagedBackup
from server.store.backup.writing import Protection, WrittenBackup, write_backup

PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="The file whose first line is the password.")
]
_FILE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS}


def write_backup_file(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The new file.")] = None,
    *,
    folder: Annotated[Path | None, typer.Option("--to", help="A folder: the file is named by the time.")] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="With --to: keep this number of backups, and remove the oldest.")
    ] = None,
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt it with a password, which is asked for.")] = False,
    password_file: PasswordFile = None,
) -> None:
    """Back up the whole record into one file, while the server runs.

    The file is read back before it gets its name. `restore` writes it into a data folder or a Postgres database. With
    --password-file or --encrypt the file is encrypted, and then it holds the secret key of the data folder, too.
    """

    async def write_record(settings: Settings) -> None:
        now = utc_now()
        path = _choose_path(file, folder, keep)
        path = path if folder is None else name_by_time(folder, now)
        password = _read_new_password(password_file, is_asked=encrypt)
        protection = Protection(password, None if password is None else _read_secret_key(settings))
        give_way(context)
        async with show_progress() as start:
            try:
                written = await write_backup(
                    make_url(settings.sqlalchemy_url),
                    path,
                    now,
                    protection,
                    writing=start("Writing"),
                    checking=start("Reading back"),
                )
            except NoRecord:
                raise Failure("not_found", _explain_absence(settings)) from None
            except DamagedBackup as error:
                raise Failure("unavailable", f"{path} {error}. Nothing was kept. Check the disk.") from None
            except OSError as error:
                raise _explain_file_error(path, error) or error from None
        with contextlib.suppress(OSError):  # the list is for the proof of an erasure alone
            note_backup(settings.data_dir, written.path)
        _print_outcome(settings, written, is_encrypted=password is not None)
        if folder is not None and keep is not None:
            removed = await asyncio.to_thread(remove_oldest, folder, keep, written.path)
            stderr.print(f"Removed {len(removed)} older backups.", highlight=False)

    run_command(write_record)


@asynccontextmanager
async def show_progress() -> AsyncGenerator[Callable[[str], Progress]]:
    """Yield a function that makes a bar of a title, and returns what moves it. The bars are gone at the end."""
    with make_bar() as bar:

        def start_bar(title: str) -> Progress:
            task = bar.add_task(title, total=None)

            async def move_bar(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            return move_bar

        yield start_bar


def read_password_file(path: Path) -> str:
    """Return the first line of a file.

    Raises:
        Failure: `invalid`, it cannot be read, its first line is empty, or it is no small file.
    """
    try:
        line = read_small_file(path).partition(b"\n")[0]
        password = line.decode("utf-8-sig").rstrip("\r")
    except UnusableFile as error:
        raise Failure("invalid", f"{path}: {error}. Name a file with the password that you may read.") from None
    except UnicodeDecodeError:
        raise Failure("invalid", f"{path}: the password is not UTF-8 text. Write it in UTF-8.") from None
    if not password:
        raise Failure("invalid", f"{path}: its first line is empty. It must be the password.")
    return password


def _choose_path(file: Path | None, folder: Path | None, keep: int | None) -> Path:
    """Return the file or the folder that was named, after checking the options and the folder."""
    named = [each for each in (file, folder) if each is not None]
    if len(named) != 1:
        raise Failure("invalid", "Name either a file, or a folder with --to.")
    if keep is not None and folder is None:
        raise Failure("invalid", "--keep needs --to: only backups that are named by the time can be counted.")
    (path,) = named
    if file is not None and file.exists():
        raise Failure("invalid", f"{file} exists already. Name another file, or a folder with --to.")
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
    except OSError as error:
        raise Failure("invalid", f"{folder}: {error.strerror}. Name another folder.") from None
    return path


def _read_new_password(path: Path | None, *, is_asked: bool) -> str | None:
    """Return the password of a new backup; None for a plain one."""
    if path is not None:
        password = read_password_file(path)
    elif is_asked:
        password = ask_new_password("Password of the backup", "--password-file FILE")
    else:
        return None
    check_password(password)
    return password


def _read_secret_key(settings: Settings) -> str | None:
    """Return the secret key of the data folder; None if there is none, or the settings have it.

    Raises:
        Failure: `invalid`, the file is no text.
    """
    path = settings.data_dir / "secret.key"
    if settings.secret_key.get_secret_value() or not path.exists():
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise Failure("invalid", f"{path} is no secret key: it is not UTF-8 text. Put its copy back.") from None


def _explain_file_error(path: Path, error: OSError) -> Failure | None:
    """Return the message for a file that cannot be written; None if the error is the database's."""
    if isinstance(error, FileExistsError):
        return Failure("invalid", f"{path} exists already. Name another file.")
    if error.errno == errno.ENOSPC:
        return Failure(
            "unavailable", f"The disk of {path.absolute().parent} is full. Nothing was kept. Make room there."
        )
    if error.filename is not None or error.errno in _FILE_ERRORS:
        return Failure("invalid", f"{path}: {error.strerror}. Name a file in a folder that you may write to.")
    return None


def _explain_absence(settings: Settings) -> str:
    if settings.database_url.get_secret_value():
        return "There is no record in the database yet. Set LOCI_DATABASE_URL to that of the server."
    return f"There is no record in {settings.data_dir.absolute()}. Set LOCI_DATA_DIR to the server's data folder."


def describe_content(manifest: Manifest) -> str:
    """Return the numbers of memories and users of a backup, in words."""
    return f"{manifest.count_rows('memories'):,} memories, {manifest.count_rows('users'):,} user(s)"


def _print_outcome(settings: Settings, written: WrittenBackup, *, is_encrypted: bool) -> None:
    content, size = describe_content(written.manifest), written.size / 1e6
    print_line(f"Backed up {content} into {written.path} ({size:.1f} MB), and read it back.")
    path = settings.data_dir / "secret.key"
    if not is_encrypted and not settings.secret_key.get_secret_value() and path.exists():
        hint = f"It is not encrypted, and does not hold {path.absolute()}. Keep a copy of that file apart from it."
        print_line(hint)
