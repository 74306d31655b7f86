"""A year of nights over real conversations: whatever they merged, undoing it brings everything back as it was.

Each conversation of a LoCoMo-shaped file is a workspace. On the day on which a session took place its turns are stored,
every other one with the session's tag, and every night for a year the server's own ticks run, by a clock that is moved:
memories fade, what shares a tag or says nearly the same is merged. Then every run is undone, newest first, and every
memory is compared with what it was when it was stored. The exit code is 1 if one is lost or changed.

    python benchmarks/nights.py [FILE]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from helpers.common import MODELS, has_model, screen, show_progress
from helpers.locomo import Conversation, find_file, read_conversations

DAYS = 365
BATCH = 100
#: The fields of a memory that use and time change, and that merging and undoing may change.
COUNTED = {"relevance", "access_count", "last_accessed_at", "updated_at"}


class Clock:
    """The server's time, which only this script moves."""

    def __init__(self) -> None:
        self.now = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time now."""
        return self.now


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=find_file(), metavar="FILE")
    conversations = read_conversations(parser.parse_args().file)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(MODELS)
        return asyncio.run(_live_year(Path(folder), conversations))


async def _live_year(folder: Path, conversations: list[Conversation]) -> int:
    from server.background.ticks import do_due_ticks  # noqa: PLC0415 - only after ROOT is importable
    from server.config import Settings  # noqa: PLC0415 - as above
    from server.services import open_services  # noqa: PLC0415 - as above

    clock, started = Clock(), time.perf_counter()
    settings = Settings(data_dir=folder, embedding_model="auto" if has_model() else "none")
    async with open_services(settings, clock) as (services, _):
        await services.start_models()
        if has_model():
            await services.encoder.source.wait_ready()
        calls = [await _add_user(services, each.name) for each in conversations]
        await do_due_ticks(services)
        stored: dict[str, Any] = {}
        for day in show_progress(range(DAYS), "days and nights"):
            new: list[str] = []
            for call, conversation in zip(calls, conversations, strict=True):
                first = conversation.turns[0].at.replace(hour=8, minute=0, second=0, microsecond=0)
                clock.now = max(clock.now, first) if not day else clock.now
                new += await _store_day(services, call, conversation, first + timedelta(days=day))
            if new:
                every = await _read_memories(services.db)
                stored |= {each: every[each] for each in new}
            clock.now += timedelta(days=1)
            await do_due_ticks(services)
        merged = [each for each in (await _read_memories(services.db)).values() if each.consolidated]
        runs = [await _undo_all(services, call, clock()) for call in calls]
        lost, changed = _count_changes(stored, await _read_memories(services.db))
    states = Counter(state for some in runs for state in some)
    screen.print(
        f"{len(conversations)} conversations, {len(stored)} memories, {DAYS} nights in "
        f"{time.perf_counter() - started:.0f} s: {len(merged)} memories were merged by {states['done']} runs "
        f"({states['stopped']} more would have changed too much and stopped). After undoing them: {lost} lost, "
        f"{changed} changed, of which none should be."
    )
    return 1 if lost or changed or not merged else 0


async def _add_user(services: Any, name: str) -> Any:
    """Return a call by a new user with a workspace of that name."""
    from auth.principal import WRITE, Principal, expand_scopes  # noqa: PLC0415 - only after ROOT is importable
    from server.store.record.journal import Actor  # noqa: PLC0415 - as above
    from server.store.record.people import accounts  # noqa: PLC0415 - as above
    from tools.core.call import Call  # noqa: PLC0415 - as above

    async with services.db.write() as connection:
        user = await accounts.create_user(
            connection, name=f"user-{name}", password_hash=None, is_admin=False, now=services.now()
        )
    workspace, _ = await services.directory.ensure_workspace(user.account_id, "talk", services.encoder.generation)
    principal = Principal(user.id, user.account_id, expand_scopes([WRITE]), "api_key", "bench")
    return Call(principal, Actor(user.id, "bench", "ingest_memories", "bench"), workspace)


async def _store_day(services: Any, call: Any, conversation: Conversation, day: datetime) -> list[str]:
    """Store the turns of a day, session by session, and return the memories' ids."""
    from tools.memories.ingest import IngestMemories, ingest_memories  # noqa: PLC0415 - only after ROOT is importable

    ids: list[str] = []
    said = [turn for turn in conversation.turns if turn.at.date() == day.date()]
    for session, turns in groupby(said, key=lambda turn: turn.session):
        memories = [
            {
                "content": turn.text,
                "author": turn.author,
                "session": session,
                "occurred_at": turn.at.isoformat(),
                "tags": [session] if number % 2 else [],
            }
            for number, turn in enumerate(turns)
        ]
        for first in range(0, len(memories), BATCH):
            some = IngestMemories.model_validate({"memories": memories[first : first + BATCH], "source": "talk"})
            ids += (await ingest_memories(services, call, some)).ids
    return ids


async def _read_memories(db: Any) -> dict[str, Any]:
    """Return every memory that was not deleted, by id."""
    import sqlalchemy as sa  # noqa: PLC0415 - only if the server's modules are needed

    from server.store.record.memories import FIELDS, memory_from_row  # noqa: PLC0415 - only after ROOT is importable
    from server.store.tables.memories import memories  # noqa: PLC0415 - as above

    query = sa.select(*(memories.c[name] for name in FIELDS)).where(memories.c.deleted_at.is_(None))
    async with db.read() as connection:
        return {row[0]: memory_from_row(row) for row in await connection.execute(query)}


async def _undo_all(services: Any, call: Any, now: datetime) -> list[str]:
    """Undo every run of a workspace, newest first. Return the states that they were in before."""
    from server.store.consolidation.runs import list_runs, undo_run  # noqa: PLC0415 - only after ROOT is importable

    async with services.db.read() as connection:
        runs = await list_runs(connection, call.workspace.id, 10_000)
    for run in runs:
        if run.state == "done":
            await undo_run(services.db, call.workspace.id, run.id, call.actor, now)
    return [run.state for run in runs]


def _count_changes(stored: dict[str, Any], now: dict[str, Any]) -> tuple[int, int]:
    """Return the number of memories that are gone, and of those whose text has changed since they were stored."""
    lost = [each for each in stored if each not in now]
    changed = [
        each
        for each in stored
        if each in now and stored[each].model_dump(exclude=COUNTED) != now[each].model_dump(exclude=COUNTED)
    ]
    return len(lost), len(changed) + len(now.keys() - stored.keys())


if __name__ == "__main__":
    sys.exit(main())
