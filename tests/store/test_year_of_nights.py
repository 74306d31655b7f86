"""A year of nights over made-up memories: whatever they merged, undoing it brings everything back as it was."""

import random
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa

from server.background.ticks import do_due_ticks
from server.store.consolidation.runs import list_runs, undo_run
from server.store.record import memories
from server.store.record.memories import FIELDS, memory_from_row
from server.store.tables.memories import memories as table
from tests.helpers.erasures import TOMBSTONES
from tools.core.services import Services

pytestmark = pytest.mark.anyio

TOPICS = ("garden", "Postgres", "postgres", "billing", "tea", "release", "Ann", "hiring", "style", "source:notes")
NAMES = [f"{one}{other}olin" for one in "bdfgklmn" for other in "aeiou"]
COUNTED = {"relevance", "access_count", "last_accessed_at", "updated_at"}


async def everything(db):
    """Every memory that was not deleted, by id."""
    query = sa.select(*(table.c[name] for name in FIELDS)).where(table.c.deleted_at.is_(None))
    async with db.read() as connection:
        return {row[0]: memory_from_row(row) for row in await connection.execute(query)}


async def list_active(db):
    """The ids of the memories that were neither deleted nor merged; to read them whole each day would take seconds."""
    query = (
        sa.select(table.c.id).where(table.c.deleted_at.is_(None), table.c.consolidated.is_(False)).order_by(table.c.id)
    )
    async with db.read() as connection:
        return list((await connection.execute(query)).scalars())


def dump_memory(memory):
    return memory.model_dump(exclude=COUNTED)


async def live_a_day(book, clock, chance, kept):
    """The work of people in a day: they store a few memories, use some, change or delete one now and then."""
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        scope = chance.choice(({}, {}, {"scope": "project", "project": chance.choice(("heron", "egret"))}))
        tags = chance.sample(TOPICS, chance.choice((0, 1, 1, 2)))
        expires = clock() + timedelta(days=20) if chance.random() < 0.05 else None
        text = f"What was noted about {chance.choice(NAMES)}"  # so it is noted again now and then
        (memory_id,) = await book.store(text, tags=tags, expires_at=expires, **scope)
        kept[memory_id] = await book.get(memory_id)
    active = await list_active(book.db)
    if active and chance.random() < 0.5:
        used = chance.sample(active, min(3, len(active)))
        async with book.db.write() as connection:
            await memories.count_accesses(connection, {each: (1, clock()) for each in used})
    if chance.random() < 0.03 and (own := [each for each in active if each in kept]):
        gone = chance.choice(own)
        await book.delete(gone)
        del kept[gone]


async def test_a_year_of_nights_loses_no_memory_that_an_undo_cannot_bring_back(book, projection, clock, find_words):
    chance, kept = random.Random(11), {}  # noqa: S311 - no secret
    parts = {"db": book.db, "projection": projection, "encoder": None, "llm": None, "outbox": None, "now": clock}
    parts |= {"consolidation": "tags", "tombstones": TOMBSTONES}
    services = cast("Services", SimpleNamespace(**parts))
    await do_due_ticks(services)
    for day in range(365):
        await live_a_day(book, clock, chance, kept)
        clock.move(days=1)
        if day % 2:  # every other night the machine is off, as a laptop is
            await do_due_ticks(services)
    now = await everything(book.db)
    assert len(kept) > 200
    assert kept.keys() <= now.keys()
    merged = [each for each in kept if now[each].consolidated]
    assert len(merged) > 100
    for each in merged:
        into = now[now[each].consolidated_into]
        while into.consolidated:  # with a repeat that came later
            into = now[into.consolidated_into]
        assert kept[each].content in into.content, "what was merged is still said"
        assert into.id in await find_words(kept[each].content.rpartition(" ")[2])
    async with book.db.read() as connection:
        runs = await list_runs(connection, book.workspace, 1000)
    assert {each.state for each in runs} == {"done"}
    for run in runs:  # newest first
        undone = await undo_run(book.db, book.workspace, run.id, book.actor, clock())
        assert undone.kept == {}
    await projection.project(book.workspace)
    back = await everything(book.db)
    assert {each: dump_memory(memory) for each, memory in back.items()} == {
        each: dump_memory(m) for each, m in kept.items()
    }
    for each in merged[:20]:
        assert each in await find_words(kept[each].content.rpartition(" ")[2])
    clock.move(days=1)
    await do_due_ticks(services)
    assert {each: dump_memory(m) for each, m in (await everything(book.db)).items()} == {
        e: dump_memory(m) for e, m in kept.items()
    }
