"""Three servers on one Postgres and one Qdrant (its REST double), killed and started again while they are used."""

import asyncio
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import sqlalchemy as sa

from auth.accounts.passwords import Passwords
from auth.bearers.api_keys import issue_key
from auth.tokens.sealing import Sealer
from auth.tokens.signing import SigningKeys
from server.store.db import Database
from server.store.record.people import accounts
from server.store.tables.lifecycle import ticks
from server.store.tables.oauth import signing_keys
from tests.doubles.qdrant_rest import QdrantDouble, serve_double
from tests.helpers.databases import make_postgres_url, run_admin_statement, run_on_own_loop
from tests.helpers.logins.flow import PASSWORD, Flow
from tests.helpers.programs.processes import find_free_port
from tests.helpers.site import QUICK

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.xdist_group("three_servers")]

ROOT = Path(__file__).parent.parent.parent
SECRET = "kq3Xw0uJb7Zr9Tn2Lf5Vh8Yd1Gs4Pm6Ac"
RATE_LIMIT = 60
#: The database of the servers; another one in each process of tests.
FLEET = f"loci_fleet_{uuid4().hex}"
PUBLIC_PORT = find_free_port()
PUBLIC_URL = f"http://127.0.0.1:{PUBLIC_PORT}"


def now():
    return datetime.now(UTC)  # noqa: TID251 - the servers have the real time, too


@dataclass
class Fleet:
    """The servers, by number, and what they share."""

    folder: Path
    database_url: str
    qdrant_url: str
    ports: list[int] = field(default_factory=lambda: [find_free_port() for _ in range(3)])
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def spawn(self, command: str, number: int) -> subprocess.Popen[bytes]:
        settings = {
            "LOCI_DATA_DIR": str(self.folder / f"data-{number}"),
            "LOCI_DATABASE_URL": self.database_url.replace("+asyncpg", ""),
            "LOCI_QDRANT_URL": self.qdrant_url,
            "LOCI_LAYOUT": "shared",
            "LOCI_EMBEDDING_MODEL": "none",
            "LOCI_PUBLIC_URL": PUBLIC_URL,
            "LOCI_PORT": str(self.ports[number]) if number < len(self.ports) else "0",
            "LOCI_SECRET_KEY": SECRET,
            "LOCI_RATE_LIMIT": str(RATE_LIMIT),
            "LOCI_REFRESH_GRACE_MINUTES": "0",
        }
        with (self.folder / f"log-{number}.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "server", command], cwd=ROOT, env=os.environ | settings, stderr=log, stdout=log
            )

    def start(self, *numbers: int) -> None:
        """Start servers, all at once, and return when they are ready."""
        for number in numbers:
            self.processes[number] = self.spawn("serve", number)
        for number in numbers:
            self._wait_until_ready(number)

    def kill(self, number: int) -> None:
        process = self.processes.pop(number)
        process.kill()
        process.wait(10)

    def read_log(self, number: int) -> str:
        return (self.folder / f"log-{number}.txt").read_text()

    def _wait_until_ready(self, number: int) -> None:
        end = time.monotonic() + 40
        while time.monotonic() < end:
            assert self.processes[number].poll() is None, self.read_log(number)
            with suppress(httpx.HTTPError):
                url = f"http://127.0.0.1:{self.ports[number]}/readyz"
                if httpx.get(url, headers={"host": f"127.0.0.1:{PUBLIC_PORT}"}, trust_env=False).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(self.read_log(number))


class Balancer(httpx.AsyncBaseTransport):
    """Sends the requests for the public URL to the servers in turn, or to one of them."""

    def __init__(self, fleet: Fleet, only: int | None = None):
        self.fleet, self.only, self.count = fleet, only, 0
        self.transport = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request):
        self.count += 1
        number = self.only if self.only is not None else self.count % len(self.fleet.ports)
        request.url = request.url.copy_with(port=self.fleet.ports[number])
        return await self.transport.handle_async_request(request)

    async def aclose(self):
        await self.transport.aclose()


@pytest.fixture(scope="module")
def fleet(postgres_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fleet")
    name = FLEET
    run_on_own_loop(run_admin_statement(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    run_on_own_loop(run_admin_statement(f"CREATE DATABASE {name} TEMPLATE {postgres_template}"))
    with serve_double(QdrantDouble(folder)) as qdrant_url:
        made = Fleet(folder, str(make_postgres_url(name)), qdrant_url)
        try:
            made.start(0, 1, 2)
            yield made
        finally:
            for process in made.processes.values():
                process.kill()
                process.wait(10)
            run_on_own_loop(run_admin_statement(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def db(fleet):
    made = Database(fleet.database_url)
    yield made
    await made.close()


@pytest.fixture
async def connect(fleet):
    """Makes a client of one server, or of all in turn."""
    clients = []

    def make(only=None, key=None):
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        transport = Balancer(fleet, only)
        clients.append(httpx.AsyncClient(base_url=PUBLIC_URL, transport=transport, headers=headers, timeout=20))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def make_key(db):
    """Makes a user with a key, and returns the key."""

    async def make(name, scopes=("memory:write",), password=None):
        hashed = None if password is None else await Passwords(QUICK).hash(password)
        async with db.write() as connection:
            user = await accounts.create_user(connection, name=name, password_hash=hashed, is_admin=False, now=now())
            secret, _ = await issue_key(connection, user_id=user.id, scopes=scopes, name="test", now=now())
        return secret

    return make


async def store(client, content) -> str:
    answer = await client.post("/v1/memories", json={"content": content})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def recall(client, words) -> set[str]:
    answer = await client.post("/v1/search", json={"query": words, "limit": 50})
    assert answer.status_code == 200, answer.text
    return {each["id"] for each in answer.json()["results"]}


async def test_a_write_through_one_is_recalled_through_the_others_and_a_delete_as_well(connect, make_key):
    key = await make_key("ann")
    a, b, c = (connect(number, key) for number in range(3))
    memory_id = await store(a, "The heron nests at the north pond")
    assert await recall(b, "heron nests") == {memory_id}
    assert await recall(c, "heron nests") == {memory_id}
    assert (await b.delete(f"/v1/memories/{memory_id}")).status_code == 200
    for each in (a, b, c):
        assert await recall(each, "heron nests") == set()
        assert (await each.get(f"/v1/memories/{memory_id}")).status_code == 404


async def test_tenants_of_the_shared_collection_see_nothing_of_each_other(connect, make_key):
    one, other = connect(0, await make_key("cleo")), connect(1, await make_key("dora"))
    mine, theirs = await store(one, "grebe of cleo"), await store(other, "grebe of dora")
    assert await recall(one, "grebe") == {mine}
    assert await recall(other, "grebe") == {theirs}


async def test_what_was_acknowledged_before_a_kill_is_recalled_through_another_server(fleet, connect, make_key):
    key = await make_key("eve")
    a, b = connect(0, key), connect(1, key)
    acknowledged, ten = set(), asyncio.Event()

    async def keep_storing():
        with suppress(httpx.HTTPError):
            for number in range(40):
                acknowledged.add(await store(a, f"kingfisher number {number}"))
                if len(acknowledged) == 10:
                    ten.set()

    storing = asyncio.create_task(keep_storing())
    await asyncio.wait_for(ten.wait(), 20)
    fleet.kill(0)
    await storing
    try:
        async with asyncio.timeout(15):
            while not acknowledged <= await recall(b, "kingfisher"):  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.5)
    finally:
        await asyncio.to_thread(fleet.start, 0)
    assert acknowledged <= await recall(a, "kingfisher")


async def test_a_postgres_that_ends_every_connection_costs_no_acknowledged_write_and_no_restart(connect, make_key):
    a = connect(0, await make_key("jack"))
    statuses, acknowledged = [], set()

    async def keep_storing():
        for number in range(25):
            answer = await a.post("/v1/memories", json={"content": f"sandpiper number {number}"})
            statuses.append(answer.status_code)
            if answer.status_code == 201:
                acknowledged.add(answer.json()["id"])
            else:
                assert answer.json()["error"] == "unavailable"
                assert answer.headers["retry-after"]

    storing = asyncio.create_task(keep_storing())
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + FLEET + "'"  # noqa: S608 - our own name
    for _ in range(5):
        await run_admin_statement(ours)
        await asyncio.sleep(0.05)
    await storing
    assert set(statuses) <= {201, 503}
    assert statuses[-1] == 201
    b = connect(1, a.headers["authorization"].removeprefix("Bearer "))
    async with asyncio.timeout(15):
        while not acknowledged <= await recall(b, "sandpiper"):  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.5)
    # a write that was cut off is there as a whole or not at all
    listed = (await b.get("/v1/memories", params={"limit": 100})).json()["memories"]
    assert len({each["content"] for each in listed}) == len(listed) >= len(acknowledged)


async def count_accepted(client, most) -> int:
    answers = [await client.get("/v1/keys") for _ in range(most)]
    return sum(answer.status_code == 200 for answer in answers)


async def test_the_rate_limit_of_a_key_holds_over_the_servers_after_a_second(connect, make_key):
    key = await make_key("finn")
    a, b = connect(0, key), connect(1, key)
    began = time.monotonic()
    assert await count_accepted(a, RATE_LIMIT + 20) <= RATE_LIMIT + (time.monotonic() - began) * RATE_LIMIT / 60 + 1
    assert (await b.get("/v1/keys")).status_code == 200  # B knows nothing of it yet
    await asyncio.sleep(2.5)  # the loops of both write once a second
    began = time.monotonic()
    assert await count_accepted(b, 30) <= 4 + (time.monotonic() - began) * RATE_LIMIT / 60


async def test_a_key_revoked_through_one_server_ends_in_the_others_within_a_second(connect, make_key):
    key = await make_key("gwen")
    a, b = connect(0, key), connect(1, key)
    (row,) = (await b.get("/v1/keys")).json()["keys"]
    assert (await a.delete(f"/v1/keys/{row['id']}")).status_code == 200
    assert (await a.get("/v1/keys")).status_code == 401
    await asyncio.sleep(1.1)
    assert (await b.get("/v1/keys")).status_code == 401


async def log_in(connect, name) -> tuple[Flow, dict[str, Any]]:
    """A login, each request of which goes to the next server."""
    flow = Flow(connect(), PUBLIC_URL)
    assert (await flow.register()).status_code == 201
    assert (await flow.log_in(name)).status_code == 302
    return flow, await flow.tokens()


async def test_a_login_over_all_servers_refreshes_anywhere_and_a_used_token_is_refused_anywhere(connect, make_key):
    await make_key("hank", password=PASSWORD)
    flow, tokens = await log_in(connect, "hank")
    for number in range(3):
        assert (await connect(number, tokens["access_token"]).get("/v1/memories")).status_code == 200
    flow.http = connect(1)
    refreshed = await flow.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    flow.http = connect(2)
    assert (await flow.refresh(tokens["refresh_token"])).status_code == 400
    assert (await flow.revoke(refreshed.json()["refresh_token"])).status_code == 200
    await asyncio.sleep(1.1)
    for number in range(3):
        assert (await connect(number, refreshed.json()["access_token"]).get("/v1/memories")).status_code == 401


async def test_a_new_signing_key_is_accepted_everywhere_and_the_old_one_as_well(fleet, db, connect, make_key):
    await make_key("ivy", password=PASSWORD)
    _, before = await log_in(connect, "ivy")
    kid = await SigningKeys(db, Sealer(SECRET), now).rotate()
    async with db.write() as connection:  # in place of the hour for which it is only published
        row = sa.update(signing_keys).where(signing_keys.c.kid == kid)
        await connection.execute(row.values(activates_at=now()))
    for number in range(3):
        fleet.kill(number)
    await asyncio.to_thread(fleet.start, 0, 1, 2)
    _, after = await log_in(connect, "ivy")
    kids = [jwt.get_unverified_header(each["access_token"])["kid"] for each in (before, after)]
    assert kids[1] == kid != kids[0]
    for number in range(3):
        for each in (before, after):
            assert (await connect(number, each["access_token"]).get("/v1/memories")).status_code == 200


async def test_a_tick_that_is_due_is_done_once_though_three_servers_start_at_once(fleet, db):
    for number in range(3):
        fleet.kill(number)
    async with db.write() as connection:  # as if the last one had been yesterday
        await connection.execute(sa.delete(ticks))
        yesterday = now() - timedelta(days=1)
        old = {"due_at": yesterday, "claimed_at": yesterday, "finished_at": yesterday, "done": 0, "failed": 0}
        await connection.execute(sa.insert(ticks), [old | {"name": name} for name in ("decay", "nightly")])
    seen = [len(fleet.read_log(number)) for number in range(3)]
    await asyncio.to_thread(fleet.start, 0, 1, 2)
    async with asyncio.timeout(20):
        while True:
            logs = "".join(fleet.read_log(number)[seen[number] :] for number in range(3))
            async with db.read() as connection:
                open_ticks = sa.select(sa.func.count()).where(ticks.c.finished_at.is_(None))
                is_done = (await connection.execute(open_ticks)).scalar_one() == 0
            if is_done and all(f"work={name}" in logs for name in ("decay", "nightly")):
                break
            await asyncio.sleep(0.2)
    lines = [line for line in logs.splitlines() if "tick.done" in line]
    assert sorted(name for name in ("decay", "nightly") for line in lines if f"work={name}" in line) == [
        "decay",
        "nightly",
    ]


async def test_a_worker_runs_beside_the_servers_and_ends_within_five_seconds(fleet):
    worker = fleet.spawn("worker", 3)
    try:
        async with asyncio.timeout(30):
            while "The worker runs" not in fleet.read_log(3):
                assert worker.poll() is None, fleet.read_log(3)
                await asyncio.sleep(0.1)
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, 5) == 0
    finally:
        worker.kill()
