"""A command that is killed leaves nothing half-done, and the next one completes it with nothing doubled."""

import asyncio
import json
import signal
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.clock import utc_now
from server.config import Settings
from server.store.db import Database
from server.store.entities.known_names import KnownNames
from server.store.entities.reading import catch_up
from server.store.tables.entities import entities, entity_names, mentions
from server.store.tables.links import links
from server.store.tables.memories import memories

pytestmark = pytest.mark.usefixtures("ann")
ROOT = Path(__file__).parents[3]
COUNT = 900
#: Runs a command, or reads for entities, and stops for ever when a function is called for the second time.
CHILD = """
import asyncio, importlib, itertools, sys, time
from server.cli import app
from server.clock import utc_now
from server.config import Settings
from server.store.db import Database
from server.store.entities.known_names import KnownNames
from server.store.entities.reading import catch_up

place, nth, *arguments = sys.argv[1:]
module, _, name = place.rpartition(".")
owner, calls = importlib.import_module(module), itertools.count(1)
earlier = getattr(owner, name)

def stop(*some, **more):
    if next(calls) == int(nth):
        print("here", flush=True)
        time.sleep(1000)
    return earlier(*some, **more)

setattr(owner, name, stop)

async def read():
    db = Database(Settings(data_dir=arguments[1]).sqlalchemy_url)
    await catch_up(db, KnownNames(), arguments[2], utc_now)

asyncio.run(read()) if arguments[0] == "entities" else app(arguments)
"""


def kill_command(place, nth, *arguments):
    """Run a command, and kill it when it calls a function for the nth time."""

    async def kill():
        command = (sys.executable, "-c", CHILD, place, str(nth), *map(str, arguments))
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        assert child.stdout is not None
        async with asyncio.timeout(120):
            assert await child.stdout.readline() == b"here\n"
            child.send_signal(signal.SIGKILL)
            await child.wait()

    asyncio.run(kill())


def read_rows(folder, query):
    engine = sa.create_engine(f"sqlite:///{folder / 'data' / 'loci.db'}")
    with closing(engine.connect()) as connection:
        rows = connection.execute(query).all()
    engine.dispose()
    return rows


def count_live(folder):
    ((count,),) = read_rows(folder, sa.select(sa.func.count()).where(memories.c.deleted_at.is_(None)))
    return count


def make_links(following):
    return [{"type": "memory", "id": following, "label": "next"}] if following else []


@pytest.fixture
def file(tmp_path):
    """Lines, each of which refers to the next one and names somebody."""
    path = tmp_path / "many.jsonl"
    ids = [f"0193b1c4-0000-7000-8000-{number:012}" for number in range(COUNT)]
    path.write_text(
        "".join(
            json.dumps(
                {"id": each, "content": f"We met Olu Berg{number} again", "type": "fact"}
                | {
                    "linkages": [{"type": "memory", "id": ids[(number + 1) % COUNT], "label": "next"}][
                        : number + 1 < COUNT
                    ]
                }
            )
            + "\n"
            for number, each in enumerate(ids)
        )
    )
    return path


def import_all(cli, file):
    (report,) = json.loads(cli("import", file, "--user", "ann", "--json").stdout)
    return report


def test_a_killed_import_and_a_killed_undo_are_completed_by_the_next_one(cli, file, tmp_path):
    kill_command("server.store.record.imports.put_keys", 2, "import", file, "--user", "ann")
    assert count_live(tmp_path) == 400, "the first step is there, and the second is not"
    report = import_all(cli, file)
    assert (report["imported"], report["skipped"], report["refused"]) == (COUNT - 400, 400, 0)
    assert count_live(tmp_path) == COUNT
    assert len(read_rows(tmp_path, sa.select(links.c.from_id).distinct())) == COUNT - 1
    assert import_all(cli, file)["skipped"] == COUNT

    kill_command("tools.imports.undoing.delete_notes", 1, "import", "--undo", report["run"], "--user", "ann")
    assert count_live(tmp_path) == COUNT, "nothing is undone by halves"
    assert "500 memories were deleted" in cli("import", "--undo", report["run"], "--user", "ann").output
    assert count_live(tmp_path) == 400


def test_a_killed_export_leaves_no_file_and_a_killed_reading_for_entities_counts_nothing_twice(cli, file, tmp_path):
    import_all(cli, file)
    out = tmp_path / "out.jsonl"
    kill_command("server.store.record.exports.list_changes", 2, "export", "--user", "ann", "--out", out)
    assert not out.exists()
    assert f"{COUNT} memories" in cli("export", "--user", "ann", "--out", out).output
    kinds = Counter(json.loads(line)["kind"] for line in out.read_text().splitlines())
    assert kinds["memory"] == COUNT

    ((workspace,),) = read_rows(tmp_path, sa.select(memories.c.workspace_id).distinct())
    kill_command("server.store.record.entities.mentions._write_mentions", 2, "entities", tmp_path / "data", workspace)
    assert 0 < len(read_rows(tmp_path, sa.select(mentions))) < COUNT
    asyncio.run(read_entities(tmp_path / "data", workspace))
    found = read_rows(
        tmp_path,
        sa.select(entities.c.name, entities.c.memory_count, sa.func.count(mentions.c.memory_id))
        .join(entity_names, entity_names.c.entity_id == entities.c.id)
        .join(mentions, mentions.c.name_id == entity_names.c.id)
        .group_by(entities.c.id),
    )
    assert sorted(tuple(row) for row in found) == sorted((f"Olu Berg{number}", 1, 1) for number in range(COUNT))


async def read_entities(folder, workspace):
    db = Database(Settings(data_dir=folder).sqlalchemy_url)
    assert await catch_up(db, KnownNames(), workspace, utc_now)
    await db.close()
