"""The tools that the benchmarks share: a server of their own, a plain client, texts, and how figures are shown.

Everything runs on loopback in a temporary folder, and only processes that were started here are ended.
Processor time and memory are read from /proc, so those figures need Linux.
"""

import http
import json
import os
import platform
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from helpers.client import Client
from helpers.locomo import find_file
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

MODELS = ROOT / "data" / "models"
START_SECONDS = 60
STOP_SECONDS = 30

screen = Console(stderr=True)


@dataclass
class Figure:
    """One measured value, beside what it is to be held against.

    `is_met` is None if there is no target.
    """

    name: str
    value: str
    n: str
    reference: str = ""
    target: str = ""
    is_met: bool | None = None


def print_figures(figures: Sequence[Figure]) -> None:
    """Print the figures as a table on stdout."""
    table = Table(
        "what", "measured", "n", "reference, same run", "target", "met", title=describe_machine(), title_justify="left"
    )
    for each in figures:
        met = {None: "", True: "yes", False: "[red]NO[/red]"}[each.is_met]
        table.add_row(each.name, each.value, each.n, each.reference, each.target, met)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def describe_machine() -> str:
    """Return a line about this machine and its load."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*: (.*)", cpuinfo.read_text())):
        model = found[1]
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"


def find_percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def find_median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return find_percentile(values, 0.5)


def time_call(work: Callable[[], object]) -> float:
    """Return the time that a call takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def show_progress(items: Sequence[Any], what: str) -> Iterator[Any]:
    """Yield the items, with a bar on stderr."""
    return iter(track(items, what, console=screen, transient=True))


def find_free_port() -> int:
    """Return a port of loopback that nobody listens on. The system gives it to nobody who asks for any port.

    A server that is killed and started again must find its port free: so it lies below the range of such ports.
    """
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - a port is no secret
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


@contextmanager
def make_temporary_folder() -> Iterator[Path]:
    """Make a folder, and remove it when the block ends."""
    with tempfile.TemporaryDirectory(prefix="loci-bench-", ignore_cleanup_errors=True) as path:
        yield Path(path)


class Process:
    """A server that was started here, until `stop` or `kill`."""

    def __init__(self, command: Sequence[str], port: int, environment: dict[str, str], log: Path) -> None:
        self.port = port
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def wait_for(self, path: str, *, key: str | None = None, every: float = 0.01) -> float:
        """The seconds from now until a request for this path is answered with success."""
        started = time.perf_counter()
        while time.perf_counter() - started < START_SECONDS:
            if self._process.poll() is not None:
                break
            try:
                with Client(self.port, key) as client:
                    if client.get(path)[0] == http.HTTPStatus.OK:
                        return time.perf_counter() - started
            except OSError:
                time.sleep(every)
        raise RuntimeError(f"the server does not answer:\n{self.log.read_text()[-4000:]}")

    def cpu_seconds(self) -> float:
        """The processor time of all its threads so far, as the scheduler counts it: to the nanosecond."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def megabytes(self) -> tuple[int, int]:
        """Resident memory, and how much of it no file stands behind."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        rss, anonymous = (re.search(rf"{name}:\s+(\d+) kB", status) for name in ("VmRSS", "RssAnon"))
        assert rss is not None
        assert anonymous is not None
        return int(rss[1]) // 1024, int(anonymous[1]) // 1024

    def stop(self) -> None:
        """End it as a person would; a second time does nothing."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass
class Site:
    """A data folder, with a user and a key, that servers are started on one after the other."""

    folder: Path
    model: str = "auto"
    port: int = field(default_factory=find_free_port)
    key: str = ""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if MODELS.is_dir() and not (self.folder / "models").exists():
            (self.folder / "models").symlink_to(MODELS)
        self.cli("user", "add", "bench", "--password-stdin", stdin="a long enough password\n")
        self.key = self.cli("key", "create", "--user", "bench", "--scopes", "memory:write", "--quiet").strip()

    @property
    def environment(self) -> dict[str, str]:
        """The settings, whatever this shell has set. Bytecode is kept, as it is by default."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCI_")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        return kept | {
            "LOCI_ENV_FILE": os.devnull,
            "LOCI_DATA_DIR": str(self.folder),
            "LOCI_PORT": str(self.port),
            "LOCI_RATE_LIMIT": "0",
            "LOCI_EMBEDDING_MODEL": self.model,
        }

    @property
    def record_url(self) -> str:
        """The URL of the record as SQLAlchemy takes it."""
        url = self.environment.get("LOCI_DATABASE_URL", "")
        return url.replace("postgresql:", "postgresql+asyncpg:") or f"sqlite+aiosqlite:///{self.folder / 'loci.db'}"

    def cli(self, *arguments: str, stdin: str = "") -> str:
        """Run a command to its end, and return its stdout."""
        command = [sys.executable, "-m", "server", *arguments]
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout

    def start(self) -> Process:
        """Start a server, without waiting for it."""
        command = [sys.executable, "-m", "server", "serve"]
        return Process(command, self.port, self.environment, self.folder / "server.log")

    @contextmanager
    def serving(self, *, with_model: bool = False) -> Iterator[Process]:
        """Start a server that answers, with its model loaded if that is asked for. It ends with the block."""
        with self.start() as process:
            process.wait_for("/healthz")
            if with_model:
                self._wait_for_model()
            yield process

    def _wait_for_model(self) -> None:
        started = time.perf_counter()
        with self.client() as client:
            while (state := client.read_model_state()) != "ready":
                if state != "loading" or time.perf_counter() - started > START_SECONDS:
                    raise RuntimeError(f"the embedding model is {state}")
                time.sleep(0.05)

    def client(self, *, awake: bool = False) -> Client:
        """Return a client with the key."""
        return Client(self.port, self.key, awake=awake)


def start_bare_server(folder: Path, payload: object) -> Process:
    """Start `bare_mcp.py`, whose one tool answers this payload, without waiting for it."""
    answer = folder / "payload.json"
    answer.write_text(json.dumps(payload))
    port = find_free_port()
    command = [sys.executable, str(ROOT / "benchmarks" / "helpers" / "bare_mcp.py"), str(port), str(answer)]
    return Process(command, port, dict(os.environ), folder / "bare.log")


def has_model() -> bool:
    """Whether there is an embedding model to measure with."""
    from server.store.embedding.models.model_folder import find_model  # noqa: PLC0415 - only after ROOT is importable

    return find_model(MODELS, "auto") is not None


def make_chance(seed: int | str) -> random.Random:
    """Return a source of chance that is the same in every run."""
    return random.Random(seed)  # noqa: S311 - not for secrets


class Words:
    """Made-up texts whose words are as unevenly common as those of a language (Zipf's law, seeded).

    The hundred most common words of the curve are left out: in a real text they are stop words.
    """

    def __init__(self, seed: int = 7, size: int = 20_000) -> None:
        self._random = make_chance(seed)
        syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
        words: dict[str, None] = {}
        while len(words) < size:
            words["".join(self._random.choices(syllables, k=self._random.randint(2, 4)))] = None
        self._words = list(words)
        total, self._cumulated = 0.0, []
        for rank in range(size):
            total += 1 / (rank + 100)
            self._cumulated.append(total)

    def text(self, at_least: int = 12, at_most: int = 36) -> str:
        """Return a text of so many words."""
        count = self._random.randint(at_least, at_most)
        return " ".join(self._random.choices(self._words, cum_weights=self._cumulated, k=count))

    def make_query(self, text: str) -> str:
        """Return a question that shares some of a text's words."""
        known = text.split()
        return " ".join([*self._random.sample(known, min(5, len(known))), self.text(1, 2)])


def read_texts(count: int) -> tuple[list[str], str]:
    """Return texts as people write them, and their origin. Without the data set they are made up."""
    path = find_file()
    if not path.is_file():
        words = Words()
        return [words.text() for _ in range(count)], "made-up texts"
    texts = [
        turn["text"]
        for sample in json.loads(path.read_text())
        for name, turns in sample["conversation"].items()
        if name.startswith("session_") and isinstance(turns, list)
        for turn in turns
    ]
    distinct = list(dict.fromkeys(text for text in texts if text.strip()))
    repeats = -(-count // len(distinct))
    return [f"{text} ({n})" if n else text for n in range(repeats) for text in distinct][:count], "LoCoMo turns"
