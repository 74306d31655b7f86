"""A server of its own for each test: a SQLite file, a clock that only moves when told, and cheap password hashes."""

import shutil
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest
from argon2 import PasswordHasher
from starlette.applications import Starlette

import server.store.tables.accounts
import server.store.tables.oauth  # noqa: F401 - puts its tables into `metadata`
from auth.accounts.passwords import Passwords
from auth.routes import build_routes
from auth.server import AuthSettings
from auth.wiring import build_access_tokens, build_authorization_server
from server.store.db import Database
from server.store.record.people.accounts import create_user
from tests.helpers.clock import Clock
from tests.helpers.databases import create_postgres_database, make_url
from tests.helpers.logins.flow import PASSWORD, Flow

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def auth_settings():
    return AuthSettings(public_url="http://127.0.0.1:8080", secret_key="a secret of tests")


@pytest.fixture
async def db(request, tmp_path, sqlite_template):
    """An empty record: SQLite, and Postgres too for the tests marked with `ON_BOTH`."""
    async with AsyncExitStack() as stack:
        if getattr(request, "param", "sqlite") == "postgres":
            template = request.getfixturevalue("postgres_template")
            url = await stack.enter_async_context(create_postgres_database(template))
        else:
            url = make_url(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'loci.db')}")
        database = Database(url)
        stack.push_async_callback(database.close)
        yield database


@pytest.fixture
def revoked_ids():
    """The ids that `on_revoked` was called with."""
    return []


@pytest.fixture
def addresses():
    """The addresses of host names; tests add to it."""
    return {}


@pytest.fixture
async def make_server(auth_settings, db, clock, revoked_ids, addresses):
    """A function that makes servers on the same record, with other settings."""

    async def resolver(host, _port):
        return addresses.get(host, ["93.184.215.14"])

    def make(assertions=None, upstream=None, **changes):
        values = replace(auth_settings, **changes)
        return build_authorization_server(
            values,
            db,
            clock,
            tokens=build_access_tokens(values, db, clock),
            on_revoked=revoked_ids.append,
            passwords=Passwords(CHEAP),
            assertions=assertions,
            upstream=upstream,
            resolver=resolver,
        )

    return make


@pytest.fixture
def auth(make_server):
    return make_server()


@pytest.fixture
def make_browser(auth):
    """Makes browsers: HTTP clients that keep cookies, each with its own."""
    app = Starlette(routes=build_routes())

    def make(address="127.0.0.1", server=auth, **options):
        async def with_state(scope, receive, send):
            scope["state"] = {"auth": server}
            await app(scope, receive, send)

        transport = httpx.ASGITransport(with_state, client=(address, 40000))
        return httpx.AsyncClient(transport=transport, base_url=server.issuer, **options)

    return make


@pytest.fixture
async def http(make_browser):
    async with make_browser() as client:
        yield client


@pytest.fixture
async def ada(auth):
    """A user."""
    password_hash = await auth.passwords.hash(PASSWORD)
    async with auth.db.write() as connection:
        return await create_user(connection, name="ada", password_hash=password_hash, is_admin=False, now=auth.now())


@pytest.fixture
async def flow(http, auth, ada):  # noqa: ARG001 - somebody must be there to log in
    """A registered app, and ada logged in."""
    flow = Flow(http, auth.issuer)
    assert (await flow.register()).status_code == 201
    assert (await flow.log_in()).status_code == 302
    return flow
