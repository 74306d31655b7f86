"""The embedded engine in processes of its own: they are killed and closed, and nothing that was flushed is lost."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import pytest
import structlog.testing
import uvloop

from server.store.search.edge import processes
from server.store.search.edge.frames import choose_process
from server.store.search.edge.processes import ProcessEngine
from server.store.search.seam import Collection, EngineDown, Query, SparseVector, WritesLost
from tests.helpers.points import read_ids, read_point
from tests.helpers.programs.processes import list_engine_processes

pytestmark = pytest.mark.anyio

WORDS = Query(None, SparseVector([7], [1.0]), 10)


@pytest.fixture
async def engine(tmp_path):
    made = ProcessEngine(tmp_path, processes=2, max_open=4)
    yield made
    await made.close()


def home(make, number, of=2):
    """A collection that lives in the process of this number."""
    while True:
        collection = make.collection()
        if choose_process(collection.name, of) == number:
            return collection


def end_of(pid):
    """Return the output once the process has ended, if it is a child of ours or not."""
    return os.pidfd_open(pid)


async def ended(descriptor, seconds=60):
    """Return when the process has ended."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        async with asyncio.timeout(seconds):
            await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_a_process_is_started_by_the_first_call_that_needs_it_and_ends_with_the_engine(engine, make):
    assert list_engine_processes() == set()
    await engine.open_collection(home(make, 0))
    assert len(list_engine_processes()) == 1
    await engine.ping()
    assert len(list_engine_processes()) == 2
    await engine.close()
    assert list_engine_processes() == set()
    with pytest.raises(EngineDown, match="closed"):
        await engine.ping()
    await engine.close()


def test_a_collection_has_the_same_home_in_every_run_and_every_process_has_some():
    assert choose_process("3f6f0a52-5f4e-4f6e-9d0e-6b8d4b0f9c11-1", 4) == 2
    assert {choose_process(f"workspace-{n}", 16) for n in range(200)} == set(range(16))


async def test_what_lives_in_two_processes_is_named_together(engine, make):
    collections = [home(make, 0), home(make, 1)]
    for collection in collections:
        await engine.open_collection(collection)
    assert await engine.list_names() == {collection.name for collection in collections}


async def test_a_process_that_is_killed_loses_only_what_was_not_flushed_and_says_so(engine, make):
    collection = home(make, 0)
    await engine.open_collection(collection)
    await engine.upsert_points(collection, [make.point(n) for n in range(200)])
    await engine.delete_points(collection, [make.id(0)])
    await engine.set_payload(collection, {make.id(1): {"access_count": 3}})
    await engine.flush_collection(collection)
    await engine.upsert_points(collection, [make.point(500)])
    (pid,) = list_engine_processes()
    with structlog.testing.capture_logs() as logs:
        os.kill(pid, signal.SIGKILL)
        await ended(end_of(pid))
        await until_started(engine)
    assert [entry["event"] for entry in logs] == ["engine_process.ended"]
    for call in (
        engine.count_points(collection),
        engine.upsert_points(collection, [make.point(501)]),
        engine.flush_collection(collection),
    ):
        with pytest.raises(WritesLost):
            await call
    assert not await engine.open_collection(collection)
    assert await read_ids(engine, collection) == {make.id(n) for n in range(1, 200)}
    point = await read_point(engine, collection, make.id(1))
    assert point.payload == {"access_count": 3}


async def until_started(engine):
    """Ask until the loop has read that the process is gone, and it was started again."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(EngineDown):
                return await engine.ping()
            await asyncio.sleep(0)


async def until_answered(engine, collection):
    """Ask until the loop has read that the process is gone: what is sent meanwhile is refused."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(EngineDown):
                return await engine.count_points(collection)
            await asyncio.sleep(0)


async def test_calls_that_a_dying_process_had_are_refused_and_the_other_process_goes_on(engine, make):
    collection, other = home(make, 0), home(make, 1)
    await engine.open_collection(collection)
    (pid,) = list_engine_processes()
    await engine.open_collection(other)
    os.kill(pid, signal.SIGSTOP)  # so that it has not answered when it dies
    asked = [asyncio.create_task(engine.count_points(collection)) for _ in range(5)]
    await engine.count_points(other)
    os.kill(pid, signal.SIGKILL)
    refused = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in refused] == [EngineDown] * 5
    assert await engine.count_points(other) == 0
    assert await engine.count_points(collection) == 0


async def test_one_that_dies_again_and_again_rests_before_it_is_started_again(engine, make, monkeypatch):
    monkeypatch.setattr(processes, "LONGEST_RESTART_DELAY", 0.05)
    collection = home(make, 0)
    for _ in range(2):
        await until_answered(engine, collection)
        (pid,) = list_engine_processes()
        os.kill(pid, signal.SIGKILL)
        await ended(end_of(pid))
    with contextlib.suppress(EngineDown):  # whether the loop has read yet that it has ended
        await engine.count_points(collection)
    with pytest.raises(EngineDown, match="has died 2 times"):
        await engine.count_points(collection)
    assert list_engine_processes() == set()
    await until_answered(engine, collection)


async def test_a_call_whose_caller_has_gone_away_is_done_before_the_next_one_of_the_collection(engine, make):
    collection = home(make, 0)
    await engine.open_collection(collection)
    for number in range(50):
        cut = asyncio.create_task(engine.upsert_points(collection, [make.point(n) for n in range(100)]))
        await asyncio.sleep(0)
        cut.cancel()
        await engine.delete_points(collection, [make.id(n) for n in range(100)])
        assert await engine.count_points(collection) == 0, number


async def test_what_cannot_be_sent_is_the_callers_mistake(engine, make):
    collection = home(make, 0)
    await engine.open_collection(collection)
    with pytest.raises(ValueError, match="cannot be sent"):
        await engine.upsert_points(collection, [make.point(1, at=lambda: None)])
    assert await engine.count_points(collection) == 0


async def test_a_wrong_argument_of_ours_is_no_outage(embedded, make):
    collection = make.collection()
    await embedded.open_collection(collection)
    with pytest.raises(TypeError, match="not iterable"):
        await embedded.delete_points(collection, 7)
    assert await embedded.count_points(collection) == 0


async def test_an_error_that_is_nobodys_names_the_engine_and_is_no_other_error(engine, make):
    with pytest.raises(EngineDown, match="the embedded engine failed: AttributeError"):
        await engine.set_payload(home(make, 0), [make.id(1)])


async def test_a_process_that_is_told_to_end_flushes_and_ends(engine, make):
    collection = home(make, 0)
    await engine.open_collection(collection)
    await engine.upsert_points(collection, [make.point(1)])
    (pid,) = list_engine_processes()
    descriptor = end_of(pid)
    os.kill(pid, signal.SIGTERM)
    await ended(descriptor)
    await until_started(engine)
    assert not await engine.open_collection(collection)
    assert await read_ids(engine, collection) == {make.id(1)}


async def test_a_process_that_does_not_end_is_killed(engine, make, monkeypatch):
    monkeypatch.setattr(processes, "CLOSE_SECONDS", 0.05)
    await engine.open_collection(home(make, 0))
    (pid,) = list_engine_processes()
    os.kill(pid, signal.SIGSTOP)
    await engine.close()
    assert list_engine_processes() == set()


async def test_what_another_process_has_half_made_is_left_alone(engine, make, tmp_path):
    mine, theirs = (tmp_path / f".new-{home(make, number).name}.0" for number in (0, 1))
    mine.mkdir()
    theirs.mkdir()
    await engine.open_collection(home(make, 0))
    assert not mine.exists()
    assert theirs.exists()
    await engine.open_collection(home(make, 1))
    assert not theirs.exists()


def test_it_runs_on_the_servers_own_kind_of_loop(tmp_path, make):
    async def main():
        engine = ProcessEngine(tmp_path, processes=1, max_open=1)
        collection = make.collection()
        await engine.open_collection(collection)
        await engine.upsert_points(collection, [make.point(1)])
        assert [point.id for point in (await engine.search_points(collection, WORDS)).text] == [make.id(1)]
        await engine.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


PARENT = """
import asyncio, signal, sys
from pathlib import Path
from server.store.search.seam import Collection
from server.store.search.edge.processes import ProcessEngine
# A script that starts the tests in the background has them ignore it, and a child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
async def main():
    engine = ProcessEngine(Path(sys.argv[1]), processes=2, max_open=1)
    await engine.open_collection(Collection("killed", 4))
    await engine.ping()
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_the_processes_end_when_their_server_does_however_that_ends(tmp_path, how):
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        assert await asyncio.to_thread(parent.stdout.readline) == b"ready\n"
        children = [end_of(pid) for pid in list_engine_processes(parent.pid)]
        assert len(children) == 2
        parent.send_signal(how)
        for child in children:
            await ended(child)
    engine = ProcessEngine(tmp_path, processes=1, max_open=1)
    assert not await engine.open_collection(Collection("killed", 4))  # its lock was let go
    await engine.close()


async def test_a_terminals_interrupt_does_not_reach_the_processes(engine, make):
    await engine.open_collection(home(make, 0))
    (pid,) = list_engine_processes()
    assert os.getpgid(pid) != os.getpgid(0)
