"""A re-embedding that is stopped: cut off at each of its steps, or killed with -9, it goes on where it was."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import sqlalchemy as sa

from server.config import Settings
from server.memory.embedding_model import Model
from server.memory.vector import QuestionVectors, TextVectors
from server.store.db import Database
from server.store.embedding.dialects import OPENAI
from server.store.embedding.encoder import Encoder
from server.store.embedding.source import SourceFigures, State
from server.store.projection.placement import name_collection
from server.store.projection.projection import Projection
from server.store.projection.upkeep.backfill import STEP, fill_gaps
from server.store.search.seam import Query
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations, token_vectors, vectors
from tests.helpers.programs.processes import find_free_port
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
VERBS = ("has_collection", "open_collection", "upsert_points", "flush_collection", "drop_collection", "delete_points")


class Scripted:
    """Stands in for a model whose vector of a text is its length, and whose vectors of its tokens are ones."""

    def __init__(self, name, before):
        self.model = Model(name, "0" * 64, 2, 256, "model.onnx")
        self.state: State = "ready"
        self.reason = ""
        self.before = before
        self.embedded = 0

    def start(self):
        pass

    async def wait_ready(self):
        pass

    async def embed_query(self, text):
        (vectors,) = await self.embed_documents([text])
        return QuestionVectors(vectors.windows[0])

    async def embed_documents(self, texts, account_id=""):  # noqa: ARG002 - the contract names it
        await self.before()
        self.embedded += len(texts)
        return [
            TextVectors(np.array([[len(text), 1]], np.float32) / np.hypot(len(text), 1), np.ones((1, 2), np.int8))
            for text in texts
        ]

    def forget_queries(self):
        pass

    def read_figures(self):
        return SourceFigures(0, 0, 0)

    async def close(self):
        self.state = "absent"


class Cut:
    """Counts steps, and cuts the task off at the one it is told."""

    def __init__(self):
        self.steps, self.at = 0, 0

    async def __call__(self, *_):
        self.steps += 1
        if self.steps == self.at:
            raise asyncio.CancelledError


async def test_cut_off_at_any_step_it_goes_on_where_it_was_and_ends_with_one_whole_generation(
    book, engine, lite, clock
):
    async def never(*_):
        pass

    async def run(name, hook):
        """As a new process would: nothing is known but what SQL and the engine hold."""
        source, projection = Scripted(name, hook), Projection(lite, engine, shared=False)
        encoder = Encoder(lite, source, clock)
        await encoder.start()
        await projection.project(book.workspace)
        engine.before = dict.fromkeys(VERBS, hook)
        try:
            await fill_gaps(lite, encoder, projection, clock)
        except asyncio.CancelledError:
            assert encoder.filling.has_gaps
            return source.embedded, False
        finally:
            engine.before = {}
        return source.embedded, True

    ids = await book.store(*("x" * (n + 1) for n in range(2 * STEP + 10)))
    await run("one", never)
    embedded, cut, is_done = 0, Cut(), False
    while not is_done:
        cut.steps, cut.at = 0, cut.at + 1
        new, is_done = await run("two", cut)
        embedded += new
        fresh = Projection(lite, engine, shared=False)
        generation = (await fresh.open_collection(book.workspace)).generation  # the old one, until the new one is whole
        found = await fresh.search_points(
            book.workspace, Query(np.array([1, 0], np.float32), None, len(ids)), generation
        )
        assert {point.id for point in found.dense} == set(ids)
    assert cut.at > 5
    assert embedded == len(ids)  # nothing was embedded twice
    collection = name_collection(book.workspace, 2, 2)
    points = await engine.read_points(collection)
    assert {point.id for point in points if point.dense is not None} == set(ids)
    assert await book.row("generation") == (2,)
    async with lite.read() as connection:
        query = sa.select(token_vectors.c.memory_id).where(token_vectors.c.generation == 2)
        assert set((await connection.execute(query)).scalars()) == set(ids)


class Endpoint:
    """An embedding endpoint on loopback that answers so many requests, and holds up the next one."""

    def __init__(self):
        self.texts, self.answers = [], 0
        self.held_up, self.go_on = Event(), Event()

    @contextmanager
    def serving(self):
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
                if endpoint.answers <= 0:
                    endpoint.held_up.set()
                    endpoint.go_on.wait()
                endpoint.answers -= 1
                endpoint.texts += texts
                body = json.dumps({"data": [{"embedding": [len(text), 1]} for text in texts]}).encode()
                try:
                    self.send_response(200)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked was killed

            def log_message(self, *_):
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/v1"
            finally:
                self.go_on.set()
                server.shutdown()
                thread.join()


async def test_killed_with_nine_and_run_again_the_command_embeds_only_what_is_left(settings, clock):
    count = 3 * STEP
    async with open_site(settings, clock) as site:
        ann = await site.add_person()
        for start in range(0, count, STEP):
            batch = [{"content": f"memory {n}"} for n in range(start, start + STEP)]
            assert (await ann.http.post("/v1/memories/ingest", json={"memories": batch})).status_code == 201
    endpoint = Endpoint()
    with endpoint.serving() as url:
        command = [sys.executable, "-m", "server", "backfill"]
        environment = os.environ | {
            "LOCI_DATA_DIR": str(settings.data_dir),
            "LOCI_EMBEDDING_URL": url,
            "LOCI_EMBEDDING_MODEL": "m",
        }
        endpoint.answers = 1 + STEP // OPENAI.batch_texts + 1  # the warm-up, one step, and a batch of the next
        killed = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment, stderr=asyncio.subprocess.DEVNULL
        )
        assert await asyncio.to_thread(endpoint.held_up.wait, 60)
        killed.kill()
        assert await killed.wait() == -signal.SIGKILL
        assert await read_vectors_and_generations(settings) == (STEP, [0])
        endpoint.answers, endpoint.texts = 1000, []
        endpoint.go_on.set()
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert f"Each of {count} memories has its vectors" in " ".join(done.stderr.split())
    again = [text for text in endpoint.texts if text.startswith("memory")]
    assert len(set(again)) == count - STEP
    assert await read_vectors_and_generations(settings) == (count, [1])


async def read_vectors_and_generations(settings):
    """Return the number of vectors in the record, and the generations that the workspaces serve."""
    db = Database(Settings(data_dir=settings.data_dir).sqlalchemy_url)
    try:
        async with db.read() as connection:
            (newest,) = (await connection.execute(sa.select(generations.c.id))).scalars()
            filled = sa.select(sa.func.count()).where(vectors.c.generation == newest)
            served = (await connection.execute(sa.select(workspaces.c.generation))).scalars()
            return (await connection.execute(filled)).scalar_one(), list(served)
    finally:
        await db.close()


async def test_a_server_killed_with_nine_in_a_backfill_of_tokens_fills_in_the_rest_when_it_starts_again(
    settings, clock, models
):
    count = 3 * STEP
    (settings.data_dir / "models").symlink_to(models)
    async with open_site(settings, clock) as site:
        ann = await site.add_person()
        for start in range(0, count, STEP):
            batch = [{"content": f"memory {n}"} for n in range(start, start + STEP)]
            assert (await ann.http.post("/v1/memories/ingest", json={"memories": batch})).status_code == 201
    with_model = {"LOCI_DATA_DIR": str(settings.data_dir), "LOCI_EMBEDDING_MODEL": "auto"}
    paused = {"LOCI_BACKFILL_PER_SECOND": "1", "LOCI_PORT": str(find_free_port())}  # a minute after each step
    command = (sys.executable, "-m", "server")
    server = await asyncio.create_subprocess_exec(
        *command, "serve", cwd=ROOT, env=os.environ | with_model | paused, stderr=asyncio.subprocess.PIPE
    )
    try:
        await wait_for_line(server, "backfill.step")
    finally:
        server.kill()
        await server.communicate()
    kept = await read_tokens(settings)
    assert (len(kept), await read_vectors_and_generations(settings)) == (STEP, (STEP, [0]))
    async with open_site(settings.model_copy(update={"embedding_model": "auto"}), clock) as site:
        done = await asyncio.create_subprocess_exec(
            *command, "backfill", cwd=ROOT, env=os.environ | with_model, stderr=asyncio.subprocess.PIPE
        )
        _, told = await done.communicate()
        assert done.returncode == 0, told.decode()
        asked = {"query": "memory 7", "limit": 30, "explain": True}
        found = (await site.client(ann.key).post("/v1/search", json=asked)).json()["memories"]
        assert (len(found), None in {each["why"].get("tokens") for each in found}) == (30, False)
    filled = await read_tokens(settings)
    assert (len(filled), kept.items() <= filled.items()) == (count, True)
    assert await read_vectors_and_generations(settings) == (count, [1])


async def wait_for_line(server, part):
    """Wait until a server writes a line with this part into its log."""
    lines = []
    async with asyncio.timeout(120):
        while line := (await server.stderr.readline()).decode():
            lines.append(line)
            if part in line:
                return
    raise AssertionError("".join(lines))


async def read_tokens(settings):
    """Return the vectors of tokens in the record, by memory."""
    db = Database(Settings(data_dir=settings.data_dir).sqlalchemy_url)
    try:
        async with db.read() as connection:
            rows = await connection.execute(sa.select(token_vectors.c.memory_id, token_vectors.c.tokens))
            return {row.memory_id: row.tokens for row in rows}
    finally:
        await db.close()
