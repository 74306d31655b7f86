"""The loading of a model by fastembed: from its own folder, and never from the network."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from server.memory.embedding_model import Model

T = TypeVar("T")


def load_fastembed_model(
    load: Callable[..., T], home: Path, model: Model, threads: int, graph: Path | None = None
) -> T:
    """Return a model in memory.

    Args:
        load: the class of fastembed that reads the files. The caller imports it, in its own thread: that takes seconds.
        home: the model's own folder.
        model: the model, as its card describes it.
        threads: of the inference; 0: as many as there are cores.
        graph: another graph of the model than its own.

    Raises:
        Exception: the libraries cannot use the files; each library raises its own errors.
    """
    loaded: Any = load(
        model.name,
        cache_dir=str(home),
        specific_model_path=str(home),
        local_files_only=True,
        lazy_load=True,
    )
    inner: Any = loaded.model
    inner.model = _open_session(graph or home / model.file, threads)
    inner._ensure_tokenizer()  # noqa: SLF001 - fastembed loads it together with a session of its own
    return loaded


def _open_session(graph: Path, threads: int) -> Any:
    """Return a session of onnxruntime. That of fastembed has threads that spin.

    After each inference, such a thread waits for the next one at full speed. This took two fifths of the processor time
    of a recall, and made none faster: 35 ms instead of 21, on two cores (30 November 2026).
    """
    # On a cold disk it takes seconds, which only the model's thread has to spare.
    onnxruntime: Any = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
