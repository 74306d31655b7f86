"""The files of a plan: what each will hold is found before any is written, and all of it can be taken out again."""

import contextlib
import os
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.cli.connect.jsonc import BrokenJson, Taken, add_value, remove_value
from server.cli.connect.plans import Addition, Block, OwnFile
from server.errors import Failure

_EMPTY = "{}\n"
_FOR_OTHERS = 0o077


@dataclass(slots=True)
class Piece:
    """A piece of text that was put into a file, and its path there; with its value if the file is JSON."""

    file: str
    text: str
    path: list[str]
    value: Any = None


@dataclass(slots=True)
class Changes:
    """The changes of a plan: the new texts of files, and what is needed to take them out again."""

    texts: dict[str, str]  # by the path of the file
    new_files: list[str]
    new_folders: list[str]
    pieces: list[Piece]


def find_changes(changes: Sequence[Addition | Block | OwnFile], ours: Mapping[str, str]) -> Changes:
    """Return what the files of a plan will hold, without writing any. `ours` has what our files were given earlier.

    Raises:
        Failure: `invalid`, a file is broken, or holds something else at that place.
    """
    found = Changes({}, [], [], [])
    for change in changes:
        place = str(change.file.resolve())  # a link to the settings stays a link
        before = found.texts.get(place)
        if before is None and change.file.exists():
            before = read_text(change.file)
        elif before is None:
            found.new_files.append(place)
            found.new_folders += _list_missing_folders(Path(place), found.new_folders)
        if isinstance(change, OwnFile):
            after = _replace(change, before, ours.get(place))
        else:
            after = _change(change, before, place, found.pieces)
        if after != before:
            found.texts[place] = after
    return found


def _replace(change: OwnFile, before: str | None, ours: str | None) -> str:
    if before in {None, change.text} or (before == ours and not change.is_setting):
        return change.text
    why = (
        "holds another one. Disconnect the clients that use it, or remove it." if change.is_setting else "is not ours."
    )
    raise _refuse(change.file, f"{why} Nothing was changed.")


def _change(change: Addition | Block, before: str | None, place: str, pieces: list[Piece]) -> str:
    if isinstance(change, Block):
        piece = f"{'' if not before or before.endswith(chr(10)) else chr(10)}\n{change.text}"
        _check_toml(change, before or "", piece)
        pieces.append(Piece(place, piece, list(change.table)))
        return f"{before or ''}{piece}"
    try:
        after, text = add_value(_EMPTY if before is None else before, change.path, change.value)
    except BrokenJson as error:
        raise _refuse(change.file, f"is not valid JSON ({error}). Mend it first; nothing was changed.") from None
    except Taken as error:
        raise _refuse(change.file, f"holds another {error} already. Remove it first; nothing was changed.") from None
    if text:
        pieces.append(Piece(place, text, list(change.path), change.value))
    return after


def _check_toml(change: Block, before: str, piece: str) -> None:
    try:
        held: Any = tomllib.loads(before)
    except tomllib.TOMLDecodeError as error:
        raise _refuse(change.file, f"is not valid TOML ({error}). Mend it first; nothing was changed.") from None
    for name in change.table:
        held = held.get(name) if isinstance(held, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - TOML
    try:
        tomllib.loads(before + piece)
    except tomllib.TOMLDecodeError:
        held = True
    if held is not None:
        table = ".".join(change.table)
        raise _refuse(change.file, f"holds another {table} already. Remove it first; nothing was changed.")


def write_changes(changes: Changes, *, are_secret: bool) -> None:
    """Write the files. One that gets a key can be read by its owner alone afterwards."""
    for place, text in changes.texts.items():
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_text(path, text, is_secret=are_secret)


def take_out(pieces: Sequence[Piece], texts: dict[str, str], new_files: Sequence[str], kept: frozenset[str]) -> None:
    """Take out what was put into files, and delete those that were made and hold nothing else.

    `texts` has what files of our own were given; files in `kept` stay.

    Raises:
        Failure: `invalid`, a file is broken.
    """
    left: dict[str, str] = {}
    for piece in reversed(pieces):
        path = Path(piece.file)
        if piece.file not in left and path.exists():
            left[piece.file] = read_text(path)
        if piece.file in left:
            left[piece.file] = _take_piece_out(piece, left[piece.file])
    for place, text in left.items():
        if place in new_files and text in {"", _EMPTY}:
            Path(place).unlink()
        else:
            write_text(Path(place), text, is_secret=False)
    for place in new_files:
        path = Path(place)
        if place not in left and place not in kept and path.exists() and read_text(path) == texts.get(place):
            path.unlink()


def _take_piece_out(piece: Piece, text: str) -> str:
    if text.count(piece.text) == 1:
        return text.replace(piece.text, "")
    if piece.value is None:
        if piece.text.strip().split("\n", 1)[0] not in text:
            return text
        raise _refuse(Path(piece.file), f"was changed since. Remove {'.'.join(piece.path)} from it yourself.")
    try:
        return remove_value(text, tuple(piece.path), piece.value)
    except BrokenJson as error:
        raise _refuse(Path(piece.file), f"is not valid JSON ({error}). Mend it first; nothing was changed.") from None


def remove_empty_folders(folders: Sequence[str]) -> None:
    """Remove folders that were made and are empty."""
    for folder in sorted(folders, key=len, reverse=True):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def read_text(path: Path) -> str:
    """Return what a file holds, with its ends of lines as they are.

    Raises:
        Failure: `invalid`, it is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise _refuse(path, "is not UTF-8 text. Nothing was changed.") from None


def write_text(path: Path, text: str, *, is_secret: bool) -> None:
    """Replace a file by a text at once. It keeps its mode, unless the text is secret."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode & ~_FOR_OTHERS if is_secret else mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _list_missing_folders(path: Path, known: Sequence[str]) -> list[str]:
    return [str(each) for each in path.parents if not each.exists() and str(each) not in known]


def _refuse(path: Path, why: str) -> Failure:
    return Failure("invalid", f"{path} {why}")
