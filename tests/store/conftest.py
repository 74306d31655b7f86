"""The record on both databases, a ledger that writes to it as the tools do, and an engine that can be held up."""

import shutil

import pytest
from sqlalchemy import event

from server.memory.recall.question import Question
from server.store.db import Database
from server.store.projection.projection import Projection
from server.store.search.edge.engine import EdgeEngine
from server.store.search.seam import Query, SparseVector
from tests.helpers.databases import create_postgres_database, make_url
from tests.helpers.engines import Gate, WatchedEngine
from tests.helpers.ledger import open_ledger

DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=DATABASES)
async def empty_url(request, tmp_path):
    """The URL of a record without a schema."""
    if request.param == "sqlite":
        yield make_url(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        async with create_postgres_database() as url:
            yield url


@pytest.fixture
def sqlite_path(tmp_path, sqlite_template):
    """A SQLite file with the schema in it."""
    return shutil.copy(sqlite_template, tmp_path / "loci.db")


@pytest.fixture(params=DATABASES)
async def db_url(request):
    """The URL of an empty record with the schema."""
    if request.param == "sqlite":
        yield make_url(f"sqlite:///{request.getfixturevalue('sqlite_path')}")
    else:
        async with create_postgres_database(request.getfixturevalue("postgres_template")) as url:
            yield url


@pytest.fixture
async def db(db_url):
    db = Database(db_url)
    yield db
    await db.close()


@pytest.fixture
async def lite(sqlite_path):
    """The record on SQLite only, for what is about the search engine or about SQLite."""
    db = Database(make_url(f"sqlite:///{sqlite_path}"))
    yield db
    await db.close()


@pytest.fixture
def check_undone():
    """Runs a write, (db, change), that raises at its end."""

    async def fail(db, change):
        async with db.write() as connection:
            await change(connection)
            raise ZeroDivisionError

    async def check(db, change):
        with pytest.raises(ZeroDivisionError):
            await fail(db, change)

    return check


@pytest.fixture
def explain_read():
    """Return the query plan of a read's one statement. `ask` takes the connection."""

    async def explain(db, ask):
        asked = []
        async with db.read() as connection:
            event.listen(connection.sync_connection, "before_cursor_execute", lambda *how: asked.append(how[2:4]))
            await ask(connection)
            ((statement, parameters),) = [each for each in asked if each[0].startswith("SELECT")]
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return " ".join(row[-1] for row in plan)

    return explain


@pytest.fixture
def make_ledger():
    """Makes a ledger: (db, clock, name, generation)."""
    return open_ledger


@pytest.fixture
async def ledger(db, clock):
    return await open_ledger(db, clock)


@pytest.fixture
async def book(lite, clock):
    """A ledger on SQLite only."""
    return await open_ledger(lite, clock)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def watch_engine():
    """Wraps an engine."""
    return WatchedEngine


@pytest.fixture
async def engine(tmp_path):
    watched = WatchedEngine(EdgeEngine(tmp_path / "shards", max_open=4))
    yield watched
    await watched.close()


@pytest.fixture
def projection(lite, engine):
    return Projection(lite, engine, shared=False)


def words(text, limit=10):
    """A query for words."""
    ids = Question(text).term_ids
    return Query(None, SparseVector(ids, [1.0] * len(ids)), limit)


@pytest.fixture
def find_words(projection, book):
    """Search the book's workspace for words; the ids found."""

    async def ask(text):
        return [point.id for point in (await projection.search_points(book.workspace, words(text))).text]

    return ask
