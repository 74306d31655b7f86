"""The projection over engine processes that are killed: what was acknowledged is found, and record and search agree."""

import asyncio
import contextlib
import os
import signal

import pytest

from server.store.projection.placement import name_collection
from server.store.search.edge import processes
from server.store.search.edge.processes import ProcessEngine
from server.store.search.seam import EngineDown
from tests.helpers.points import list_terms, read_terms
from tests.helpers.programs.processes import list_engine_processes

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(tmp_path, watch_engine, monkeypatch):
    monkeypatch.setattr(processes, "LONGEST_RESTART_DELAY", 0.0)
    made = watch_engine(ProcessEngine(tmp_path / "shards", processes=1, max_open=4))
    yield made
    await made.close()


@pytest.fixture
def kill():
    """Kills the engine process of this one."""

    async def now(*_):
        for pid in list_engine_processes():
            os.kill(pid, signal.SIGKILL)

    return now


async def await_answer(ask):
    """Return the answer once the process is started again; until then it may be refused."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(EngineDown):
                return await ask()
            await asyncio.sleep(0)


async def holds_rows(book, projection, engine, *ids):
    """Whether the engine, once it answers again, holds these memories as their rows are, and no others."""
    collection = name_collection(book.workspace, 0, 0)
    await projection.flush()  # it meets the loss, if the next search does not
    async with asyncio.timeout(60):
        while not await projection.project(book.workspace):  # noqa: ASYNC110 - no event tells when it is up
            await asyncio.sleep(0)
    points = await await_answer(lambda: engine.read_points(collection))
    rows = [await book.get(memory_id) for memory_id in ids]
    return read_terms(points) == {row.id: list_terms(row) for row in rows}


async def test_a_process_killed_between_a_write_and_its_flush_loses_no_memory(
    book, projection, engine, kill, find_words
):
    kept, changed, gone = await book.store("heron", "grebe", "bittern")
    await projection.project(book.workspace)
    await projection.flush()
    late = (await book.store("late egret"))[0]
    await book.change(changed, content="coot")
    await book.delete(gone)
    assert await projection.project(book.workspace)  # acknowledged, and not flushed
    assert await book.row("revision", "flushed_revision") == (6, 3)
    await kill()
    assert await holds_rows(book, projection, engine, kept, changed, late)
    assert await await_answer(lambda: find_words("egret")) == [late]
    await projection.flush()
    assert await book.row("flushed_revision") == (6,)
    await kill()
    assert await holds_rows(book, projection, engine, kept, changed, late)


@pytest.mark.parametrize("verb", ["has_collection", "open_collection", "upsert_points", "delete_points"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_process_killed_in_the_middle_of_a_projection_is_caught_up_with(
    book, projection, engine, kill, verb, moment
):
    ids = await book.store("heron", "grebe")
    if verb in {"upsert_points", "delete_points"}:
        await projection.project(book.workspace)
        await book.delete(ids.pop())
        await book.change(ids[0], content="egret")
    getattr(engine, moment)[verb] = kill
    await projection.project(book.workspace)
    del getattr(engine, moment)[verb]
    assert await holds_rows(book, projection, engine, *ids)


async def test_a_search_after_a_death_finds_once_the_process_is_started_again(book, projection, kill, find_words):
    (memory_id,) = await book.store("heron")
    await projection.project(book.workspace)
    await kill()
    assert await await_answer(lambda: find_words("heron")) == [memory_id]


async def test_writers_that_go_on_while_the_process_is_killed_again_and_again_lose_nothing(
    book, projection, engine, kill
):
    ids = []

    async def write():
        for number in range(30):
            ids.extend(await book.store(f"memory {number}", f"another {number}"))
            await projection.project(book.workspace)
            if number % 10 == 9:
                await book.delete(ids.pop())
                await projection.project(book.workspace)

    writing = asyncio.create_task(write())
    while not writing.done():
        await kill()
        await await_answer(engine.ping)
        await projection.flush()
    await writing
    assert await holds_rows(book, projection, engine, *ids)
