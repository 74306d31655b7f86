"""The fixtures that tests share: a clock, a server over real HTTP, people on it, and the model of `make test`."""

import gc
import itertools
import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import structlog

from server.config import Settings
from server.store.embedding.models.model_folder import MINILM, find_model
from tests.helpers.clock import Clock
from tests.helpers.databases import make_postgres_url, make_url, migrate_database, run_admin_statement, run_on_own_loop
from tests.helpers.reuse import (
    share_absence,
    share_api_description,
    share_checked_schemas,
    share_compiled_statements,
)
from tests.helpers.site import open_site

# Machines of developers and images of containers may ask Python to keep nothing that it has compiled. Each worker would
# compile all tests, and each process that a test starts the whole product.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Until the first test begins nothing is garbage: the collector took a quarter of the imports and of the collection.
gc.disable()

share_compiled_statements()
share_checked_schemas()
share_api_description()
share_absence("sniffio")  # httpcore asks for it some five times in each request

# A landing must not fail by luck: the examples of the properties are the same in each run, and none fails because the
# machine is busy. LOCI_TEST_RANDOM=1 tries others.
hypothesis.settings.register_profile(
    "loci",
    derandomize=not os.environ.get("LOCI_TEST_RANDOM"),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("loci")

# The settings of a person who develops here are not those of a test.
os.environ["LOCI_ENV_FILE"] = os.devnull

# A shell that starts the suite in the background makes it ignore SIGINT. Each process that a test starts would inherit
# that and would not end by SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Each commit to a record waits for the disk, and the tests commit tens of thousands of times: their temporary folders,
# and those of the processes that they start, are on the RAM disk if it has room. It fills up
# with nothing: pytest removes the folder of each test that has passed. TMPDIR chooses another place.
RAM_DISK = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of our own in it
if "TMPDIR" not in os.environ and os.access(RAM_DISK, os.W_OK) and shutil.disk_usage(RAM_DISK).free > 1 << 30:
    os.environ["TMPDIR"] = str(RAM_DISK)
    tempfile.tempdir = None


#: Numbers for the names of newcomers.
NUMBERS = itertools.count()

#: A test that asks for one of these looks into its server, or has another clock or other settings.
OF_ONES_OWN = {"site", "clock", "settings"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):  # noqa: ARG001 - the hook's signature
    """Keep the collector from the modules and the tests, which all stay: it spent a seventh of the suite on them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def kept_umask():
    """A command that a test runs in this process sets the umask and the folder of temporary files for itself."""
    before, folder = os.umask(0o022), tempfile.tempdir
    os.umask(before)
    yield
    os.umask(before)
    tempfile.tempdir = folder


@pytest.fixture(autouse=True)
def plain_logs(monkeypatch):
    """A command that a test runs in this process configures its logs. No logger keeps that for the tests after it."""
    configure = structlog.configure

    def configure_uncached(**how: Any):
        how["cache_logger_on_first_use"] = False
        configure(**how)

    # A traceback with the values of all variables takes half a minute to draw if one of them is a long text.
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    configure_uncached(processors=[*others, plain])
    monkeypatch.setattr(structlog, "configure", configure_uncached)
    yield
    structlog.reset_defaults()


@pytest.fixture
def kept_handlers():
    """The root logger's handlers and the levels of the loggers that `configure_logs` quiets."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def models():
    """The folder of models, with all-MiniLM-L6-v2 in it; `make test` pulls it first."""
    folder = Path(os.environ.get("LOCI_TEST_MODELS") or Path(__file__).parent.parent / "data" / "models")
    if find_model(folder, MINILM) is None:
        pytest.skip(f"{MINILM} is not in {folder}: loci model pull")
    return folder


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A SQLite file with the schema in it, to be copied: to migrate takes a tenth of a second."""
    path = tmp_path_factory.mktemp("template") / "loci.db"
    run_on_own_loop(migrate_database(make_url(f"sqlite:///{path}")))
    return path


@pytest.fixture(scope="session")
def postgres_template():
    """The name of a Postgres database with the schema in it, to be copied."""
    name = f"loci_template_{uuid4().hex}"
    run_on_own_loop(run_admin_statement(f"CREATE DATABASE {name}"))
    run_on_own_loop(migrate_database(make_postgres_url(name)))
    yield name
    run_on_own_loop(run_admin_statement(f"DROP DATABASE {name}"))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def plain_settings():
    """Settings of a server that ranks by keyword; most tests need no model. To read them takes 2 ms."""
    return Settings(embedding_model="none", rate_limit=0)


@pytest.fixture
def settings(tmp_path, sqlite_template, plain_settings):
    """The plain settings, with a data folder of the test's own. The schema is there, and nothing else."""
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data")
    return plain_settings.model_copy(update={"data_dir": tmp_path / "data"})


@pytest.fixture
async def site(settings, clock):
    async with open_site(settings, clock) as site:
        yield site


@pytest.fixture
async def hybrid_site(settings, clock, models):
    """A server with the real model, loaded."""
    (settings.data_dir / "models").symlink_to(models)
    settings = settings.model_copy(update={"embedding_model": "auto"})
    async with open_site(settings, clock) as site:
        await site.services.encoder.source.wait_ready()
        yield site


@pytest.fixture(scope="session")
async def shared(tmp_path_factory):
    """A server that ranks by keyword, for all tests of this worker. Nobody moves its clock."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("shared"), embedding_model="none", rate_limit=0)
    async with open_site(settings, Clock()) as site:
        yield site


@pytest.fixture
def newcomer(shared):
    """Makes people on the shared server whom nobody there knows."""

    async def make(name="person", **how):
        return await shared.add_person(f"{name}{next(NUMBERS)}", **how)

    return make


@pytest.fixture
def make_person(request):
    """Makes people on the test's own server if it asks for one, or else newcomers on the shared one."""
    if OF_ONES_OWN.isdisjoint(request.fixturenames):
        return request.getfixturevalue("newcomer")
    return request.getfixturevalue("site").add_person


@pytest.fixture
async def ann(make_person):
    return await make_person("ann")


@pytest.fixture
async def bob(make_person):
    return await make_person("bob")


#: The files with tests of ten seconds and more. If one began late, the other workers would wait for it at the end.
LONGEST = {
    "test_capture_kill.py",
    "test_kill.py",
    "test_year_of_nights.py",
    "test_engine_processes.py",
    "test_projection_processes.py",
    "test_backfill_kills.py",
    "test_loaded_model.py",
    "test_conformance.py",
    "test_privacy.py",
}

#: What each marker needs, and how to get it.
NEEDS = {
    "postgres": ("LOCI_TEST_POSTGRES_URL is not set", "apt-get install postgresql, then .ci/run shows how"),
    "browser": ("chromium is not here", "apt-get install chromium"),
    "node": ("Node.js is not here", "apt-get install nodejs npm"),
    "qdrant_server": ("LOCI_TEST_QDRANT_URL is not set", "point it at a Qdrant server"),
}


def _is_there(marker) -> bool:
    match marker:
        case "postgres" | "qdrant_server":
            name = "LOCI_TEST_POSTGRES_URL" if marker == "postgres" else "LOCI_TEST_QDRANT_URL"
            return bool(os.environ.get(name))
        case "browser":
            return shutil.which("chromium") is not None
        case _:
            return shutil.which("node") is not None and shutil.which("npm") is not None


def pytest_collection_modifyitems(items):
    """Put the files with the longest tests first, and skip what this machine cannot run, with how to install it."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for marker, (why, cure) in NEEDS.items():
        if not _is_there(marker):
            skip = pytest.mark.skip(reason=f"{why}: {cure}")
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """With LOCI_TEST_NO_SKIPS a test that did not run has failed, but for those that need a real Qdrant server."""
    report = yield
    if report.skipped and os.environ.get("LOCI_TEST_NO_SKIPS") and not item.get_closest_marker("qdrant_server"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longrepr}"
    return report
