"""The models on the disk: one folder for each, which is whole or not there.

A model is prepared in a stage beside its folder and renamed, so a folder with our card in it is whole, even if a
process was killed at any moment. Nothing here loads a model, or imports a library that can.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from server.memory.embedding_model import Model

BGE = "BAAI/bge-small-en-v1.5"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""The model that `multilingual` names: some 50 languages, Apache 2.0, about 220 MB."""
AUTO = (BGE, MINILM)
"""The models that `auto` may take: the first of these that is here."""

CARD = "loci.json"
STAGE = ".pull-"


def find_model_folder(folder: Path, name: str) -> Path:
    """Return the folder of the model with this fastembed name, within the folder of all models."""
    return folder / re.sub(r"[^a-z0-9._-]+", "-", name.lower().replace("/", "--")).strip(".")


def find_model(folder: Path, wanted: str) -> Model | None:
    """Return the model that a setting means: the first of `AUTO` for `auto`, else the one named; None for `none`.

    `multilingual` names `MULTILINGUAL`.

    None, too, if that model is not here as a whole. It reads one small file for each candidate, the card, and trusts
    it.
    """
    names = {"auto": AUTO, "none": (), "multilingual": (MULTILINGUAL,)}.get(wanted, (wanted,))
    return next((model for name in names if (model := _read_card(find_model_folder(folder, name)))), None)


def _read_card(home: Path) -> Model | None:
    """Return the model of one folder; None if the folder, its card or its ONNX file is missing or unreadable."""
    try:
        model = Model(**json.loads((home / CARD).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return model if (home / model.file).is_file() else None


@contextmanager
def open_stage(folder: Path) -> Generator[Path]:
    """Open an empty folder on the models' own disk; it is removed at the end with everything in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=STAGE, dir=folder, ignore_cleanup_errors=True) as path:
        yield Path(path)


def install_model(prepared: Path, model: Model, folder: Path) -> None:
    """Put a prepared folder in its place as a whole, and remove the stages of pulls that were killed.

    Raises:
        OSError: the disk refused; the place is as it was, or empty.
    """
    (prepared / CARD).write_text(json.dumps(asdict(model), indent=2) + "\n")
    for path in prepared.rglob("*"):
        if path.is_file():
            sync_file(path)  # else a power cut may leave the renamed folder without its bytes
    home = find_model_folder(folder, model.name)
    if _read_card(home) is None:
        shutil.rmtree(home, ignore_errors=True)
    with suppress(FileExistsError):  # a pull at the same time was first, with the same model
        _move_folder(prepared, home)
    for left in folder.glob(f"{STAGE}*"):
        shutil.rmtree(left, ignore_errors=True)


def _move_folder(prepared: Path, home: Path) -> None:
    """Rename a folder.

    Raises:
        FileExistsError: a whole model is there; each platform has another error for that.
        OSError: the disk refused.
    """
    try:
        prepared.rename(home)
    except OSError as error:
        if _read_card(home) is None:
            raise
        raise FileExistsError(home) from error


def sync_file(path: Path) -> None:
    """Return when a file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
