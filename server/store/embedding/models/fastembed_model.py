"""The loading of a model by fastembed: from its own folder, and never from the network."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from server.memory.embedding_model import Model

T = TypeVar("T")


def load_fastembed_model(load: Callable[..., T], home: Path, model: Model, threads: int) -> T:
    """Return a model in memory.

    Args:
        load: the class of fastembed that reads the files. The caller imports it, in its own thread: that takes seconds.
        home: the model's own folder.
        model: the model, as its card describes it.
        threads: of the inference; 0: as many as there are cores.

    Raises:
        Exception: the library cannot use the files; it raises its own errors.
    """
    return load(
        model.name,
        cache_dir=str(home),
        threads=threads or None,
        specific_model_path=str(home),
        local_files_only=True,
    )
