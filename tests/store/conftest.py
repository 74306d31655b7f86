"""The record on both databases, a ledger that writes to it as the tools do, and an engine that can be held up."""

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from server.memory.ids import new_id
from server.memory.models import Memory
from server.memory.question import Question
from server.store.db import Database
from server.store.projection.projection import Projection
from server.store.record import memories, vectors, workspaces
from server.store.record.memories import Actor
from server.store.record.people import accounts
from server.store.search.edge.engine import EdgeEngine
from server.store.search.seam import EngineDown, Query, Sparse
from server.store.tables.accounts import workspaces as workspace_table
from tests.conftest import apart, migrated, url_of

DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


async def admin(statement):
    """Run a statement on the Postgres server itself."""
    connection = await asyncpg.connect(os.environ["LOCI_TEST_POSTGRES_URL"])
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def postgres_url(name):
    return url_of(os.environ["LOCI_TEST_POSTGRES_URL"].rpartition("/")[0] + f"/{name}")


@pytest.fixture(scope="session")
def postgres_template():
    name = f"loci_template_{uuid4().hex}"
    apart(admin(f"CREATE DATABASE {name}"))
    apart(migrated(postgres_url(name)))
    yield name
    apart(admin(f"DROP DATABASE {name}"))


@asynccontextmanager
async def postgres_database(template="template1"):
    """A Postgres database of one's own."""
    name = f"loci_{uuid4().hex}"
    await admin(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield postgres_url(name)
    finally:
        await admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=DATABASES)
async def empty_url(request, tmp_path):
    """The URL of a record without a schema."""
    if request.param == "sqlite":
        yield url_of(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        async with postgres_database() as url:
            yield url


@pytest.fixture
def sqlite_path(tmp_path, sqlite_template):
    """A SQLite file with the schema in it."""
    return shutil.copy(sqlite_template, tmp_path / "loci.db")


@pytest.fixture(params=DATABASES)
async def db_url(request):
    """The URL of an empty record with the schema."""
    if request.param == "sqlite":
        yield url_of(f"sqlite:///{request.getfixturevalue('sqlite_path')}")
    else:
        async with postgres_database(request.getfixturevalue("postgres_template")) as url:
            yield url


@pytest.fixture
async def db(db_url):
    db = Database(db_url)
    yield db
    await db.close()


@pytest.fixture
async def lite(sqlite_path):
    """The record on SQLite only, for what is about the search engine or about SQLite."""
    db = Database(url_of(f"sqlite:///{sqlite_path}"))
    yield db
    await db.close()


@pytest.fixture
def undone():
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
def plan_of():
    """How SQLite finds what a read asks with its one statement: (db, ask), where `ask` takes the connection."""

    async def explain(db, ask):
        asked = []
        async with db.read() as connection:
            sa.event.listen(connection.sync_connection, "before_cursor_execute", lambda *how: asked.append(how[2:4]))
            await ask(connection)
            ((statement, parameters),) = [each for each in asked if each[0].startswith("SELECT")]
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return " ".join(row[-1] for row in plan)

    return explain


@dataclass
class Ledger:
    """A workspace of the record; each verb is one transaction, as in `tools`. Nothing here projects."""

    db: Database
    now: object
    workspace: str
    user: str
    account: str
    actor: Actor = field(default_factory=lambda: Actor("user", "key", "test", "request"))

    def memory(self, content, **fields):
        now = self.now()
        given = {"type": "fact", "tags": [], "scope": "global", "linkages": [], "metadata": {}} | fields
        given |= {"relevance": 1.0, "access_count": 0, "consolidated": 0, "created_at": now, "updated_at": now} | fields
        return Memory(id=new_id(now), content=content, **given)

    async def store(self, *contents, generation=None, windows=(), **fields):
        """Store texts in one transaction; their ids."""
        new = [self.memory(content, **fields) for content in contents]
        async with self.db.write() as connection:
            first = await memories.advance(connection, self.workspace, len(new), self.now())
            await memories.insert(connection, self.workspace, first, new)
            if windows:
                await vectors.put(connection, generation, {m.id: w for m, w in zip(new, windows, strict=True)})
            changes = [(memory.id, None, memory.model_dump(mode="json")) for memory in new]
            await memories.record(connection, self.workspace, self.actor, self.now(), first, changes)
        return [memory.id for memory in new]

    async def change(self, memory_id, **changes):
        async with self.db.write() as connection:
            revision = await memories.advance(connection, self.workspace, 1, self.now())
            await memories.update(connection, memory_id, revision, changes)
        return revision

    async def delete(self, memory_id):
        return await self.change(memory_id, deleted_at=self.now())

    async def get(self, memory_id):
        async with self.db.read() as connection:
            return await memories.get(connection, self.workspace, memory_id)

    async def row(self, *names):
        """Columns of the workspace."""
        query = sa.select(*(workspace_table.c[name] for name in names))
        async with self.db.read() as connection:
            return tuple((await connection.execute(query.where(workspace_table.c.id == self.workspace))).one())


async def open_ledger(db, clock, name="ann", generation=0):
    async with db.write() as connection:
        user = await accounts.user_named(connection, name) or await accounts.create_user(
            connection, name=name, password_hash=None, is_admin=False, now=clock()
        )
        found, _ = await workspaces.ensure_workspace(connection, user.account_id, "default", generation, clock())
    return Ledger(db, clock, found.id, user.id, user.account_id)


@pytest.fixture
def new_ledger():
    """Makes a ledger: (db, clock, name, generation)."""
    return open_ledger


@pytest.fixture
async def ledger(db, clock):
    return await open_ledger(db, clock)


@pytest.fixture
async def book(lite, clock):
    """A ledger on SQLite only."""
    return await open_ledger(lite, clock)


class Watched:
    """An engine that counts its calls, can be down, and calls `before[verb]` and `after[verb]` around a verb."""

    def __init__(self, engine):
        self.engine = engine
        self.is_down = False
        self.calls = []
        self.before = {}
        self.after = {}

    def __getattr__(self, verb):
        method = getattr(self.engine, verb)

        async def call(*args):
            self.calls.append((verb, args))
            if self.is_down and verb != "close":
                raise EngineDown("switched off")
            if verb in self.before:
                await self.before[verb](*args)
            answer = await method(*args)
            if verb in self.after:
                await self.after[verb](*args)
            return answer

        return call

    def times(self, verb):
        return sum(name == verb for name, _ in self.calls)


class Gate:
    """A hook that waits at its first passing until it is opened; `reached` tells that somebody waits."""

    def __init__(self):
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, *_):
        if not self.reached.is_set():
            self.reached.set()
            await self.opened.wait()


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def watched():
    """Wraps an engine."""
    return Watched


@pytest.fixture
async def engine(tmp_path):
    watched = Watched(EdgeEngine(tmp_path / "shards", max_open=4))
    yield watched
    await watched.close()


@pytest.fixture
def projection(lite, engine):
    return Projection(lite, engine, shared=False)


def words(text, limit=10):
    """A query for words."""
    ids = Question(text).term_ids
    return Query(None, Sparse(ids, [1.0] * len(ids)), limit)


@pytest.fixture
def find(projection, book):
    """Search the book's workspace for words; the ids found."""

    async def ask(text):
        return [hit.id for hit in (await projection.search(book.workspace, words(text))).text]

    return ask
