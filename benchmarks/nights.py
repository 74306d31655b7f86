"""A year of nights over real conversations: what they cost recall, and whether an undo brings everything back.

Each conversation of a LoCoMo-shaped file is a workspace, and the set of `quiet.py` is another one. On the day on which
a session took place its turns are stored, every other one with the session's tag; a part of everything is told again
the next day, in another session, without the full stop at its end or with one more. Every night for a year the server's
own ticks run, by a clock that is moved. Then all questions are asked; every run is undone, newest first; and they are
asked again, at the same time of the clock. So the nights are held against no nights over the same memories. A merged
memory answers for its sources: its rank is theirs. At last every memory is compared with what it was when it was
stored.

    python benchmarks/nights.py [FILE] [--consolidation duplicates|tags]
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from helpers.common import MODELS, Figure, has_model, print_figures, screen, show_progress
from helpers.locomo import Conversation, find_file, read_conversations
from helpers.recall_metrics import compute_recall, compute_reciprocal_rank
from quiet import SET, Answered, fill_in, find_time

DAYS = 365
BATCH = 100
LIMIT = 30
#: One of so many turns is told again, and one of so many memories of the quiet set.
TURNS_TOLD_AGAIN, QUIET_TOLD_AGAIN = 10, 3
#: The targets: points of R@10 and of MRR, and questions of the quiet set, that the nights may cost.
MOST_POINTS, MOST_QUESTIONS = 0.5, 0
#: The fields of a memory that use and time change, and that merging and undoing may change.
COUNTED = {"relevance", "access_count", "last_accessed_at", "updated_at"}


class Clock:
    """The server's time, which only this script moves."""

    def __init__(self) -> None:
        self.now = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time now."""
        return self.now


@dataclass
class Talk:
    """A conversation, its workspace, and the ids of each turn's memories: one, or two if it was told again."""

    conversation: Conversation
    call: Any
    ids: dict[int, list[str]] = field(default_factory=dict[int, list[str]])


@dataclass(frozen=True)
class Asked:
    """The answers to all questions: the worth of each of LoCoMo, and those of the quiet set."""

    recalls: Sequence[float]
    ranks: Sequence[float]
    quiet: Sequence[Answered]


def measure(*, quick: bool) -> list[Figure]:
    path = find_file()
    if not path.is_file():
        screen.print(f"nights: {path.name} is not in LOCI_BENCH_DATA, so the nights were not measured")
        return []
    return live_year(read_conversations(path)[: 1 if quick else None], "duplicates")


def live_year(conversations: Sequence[Conversation], consolidation: str) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(MODELS)
        return asyncio.run(_live_year(Path(folder), conversations, consolidation))


async def _live_year(folder: Path, conversations: Sequence[Conversation], consolidation: str) -> list[Figure]:
    from server.background.ticks import do_due_ticks  # noqa: PLC0415 - only after ROOT is importable
    from server.background.upkeep import fill_vectors  # noqa: PLC0415 - as above
    from server.config import Settings  # noqa: PLC0415 - as above
    from server.services import open_services  # noqa: PLC0415 - as above

    clock, started = Clock(), time.perf_counter()
    embedding = "auto" if has_model() else "none"
    settings = Settings.model_validate(
        {"data_dir": folder, "embedding_model": embedding, "consolidation": consolidation}
    )
    async with open_services(settings, clock) as (services, _):
        await services.start_models()
        if has_model():
            await services.encoder.source.wait_ready()
        talks = [Talk(each, await _add_user(services, each.name)) for each in conversations]
        team = await _add_user(services, "team")
        await do_due_ticks(services)
        clock.now = max(each.turns[0].at for each in conversations).replace(hour=8, minute=0, second=0, microsecond=0)
        keys = await _store_quiet(services, team, clock.now + timedelta(days=DAYS))
        nights: list[float] = []
        for day in show_progress(range(DAYS), "days and nights"):
            for talk in talks:
                first = talk.conversation.turns[0].at.replace(hour=8, minute=0, second=0, microsecond=0)
                await _store_day(services, talk, first + timedelta(days=day))
            clock.now += timedelta(days=1)
            night = time.perf_counter()
            await do_due_ticks(services)
            nights.append(time.perf_counter() - night)
        # On a busy machine a text may be stored without its vectors.
        await fill_vectors(services)
        stored = await _read_memories(services.db)
        merged = sum(bool(each.consolidated) for each in stored.values())
        after = await _ask(services, talks, team, keys, stored)
        calls = [*(talk.call for talk in talks), team]
        states = Counter([state for call in calls for state in await _undo_all(services, call, clock())])
        now = await _read_memories(services.db)
        lost, changed = _count_changes(stored, now)
        before = await _ask(services, talks, team, keys, now)
    what = f"{len(conversations)} conversations, {len(now):,} memories, {DAYS} nights"
    screen.print(
        f"{what} in {time.perf_counter() - started:.0f} s: {merged} memories were merged by {states['done']} runs "
        f"({states['stopped']} more would have changed too much and stopped); the longest night {max(nights):.1f} s"
    )
    return [*_compare(before, after, what), _make_undo_figure(lost, changed, merged)]


def _compare(before: Asked, after: Asked, what: str) -> list[Figure]:
    figures: list[Figure] = []
    for name, old, new in (("R@10", before.recalls, after.recalls), ("MRR", before.ranks, after.ranks)):
        was, is_now = (100 * sum(some) / len(some) for some in (old, new))
        figures.append(
            Figure(
                f"{name} after a year of nights",
                f"{is_now:.2f}",
                f"{what}, {len(new):,} questions",
                f"{was:.2f} without them",
                f"≥ {was - MOST_POINTS:.2f}",
                is_now >= was - MOST_POINTS,
            )
        )
    pairs = list(zip(before.quiet, after.quiet, strict=True))
    lost = sum(_is_right(old) and not _is_right(new) for old, new in pairs)
    won = sum(_is_right(new) and not _is_right(old) for old, new in pairs)
    figures.append(
        Figure(
            "quiet questions lost in a year of nights",
            str(lost),
            f"{len(pairs)} questions, {sum(_is_right(new) for _, new in pairs)} right",
            f"{won} won",
            f"≤ {MOST_QUESTIONS}",
            lost <= MOST_QUESTIONS,
        )
    )
    return figures


def _is_right(answered: Answered) -> bool:
    """Whether the first memory is right and nothing that is right is missing; of what nobody knows, that none came."""
    return answered.is_right_first and not answered.missing if answered.right else not answered.keys


def _make_undo_figure(lost: int, changed: int, merged: int) -> Figure:
    is_whole = not lost and not changed and merged > 0
    what = "lost, and changed, after undoing all nights"
    return Figure(what, f"{lost}, {changed}", f"{merged} memories were merged", "", "0, 0", is_whole)


async def _ask(
    services: Any, talks: Sequence[Talk], team: Any, keys: Mapping[str, str], memories: Mapping[str, Any]
) -> Asked:
    """Ask every question of every conversation and of the quiet set."""

    def find_live(memory_id: str) -> str:
        while (above := memories[memory_id].consolidated_into) is not None:
            memory_id = above
        return memory_id

    recalls: list[float] = []
    ranks: list[float] = []
    for talk in talks:
        places = {place: {find_live(each) for each in ids} for place, ids in talk.ids.items()}
        for question in show_progress(talk.conversation.questions, f"asking {talk.conversation.name}"):
            found = await _recall(services, talk.call, question.text, LIMIT, 0.0)
            of_evidence = [
                next((rank for rank, each in enumerate(found, 1) if each in places[place]), None)
                for place in question.evidence
            ]
            recalls.append(compute_recall(10, of_evidence))
            ranks.append(compute_reciprocal_rank(of_evidence))
    by_live = {find_live(memory_id): key for memory_id, key in keys.items()}
    quiet: list[Answered] = []
    for question in json.loads(SET.read_text())["questions"]:
        found = await _recall(services, team, fill_in(question["ask"], services.now()), 10, LEAST_SHARE)
        quiet.append(Answered(question, list(dict.fromkeys(by_live[each] for each in found)), 0))
    return Asked(recalls, ranks, quiet)


#: What comes along with the best memory in `search`.
LEAST_SHARE = 0.5


async def _recall(services: Any, call: Any, message: str, limit: int, least_share: float) -> list[str]:
    from tools.recall.model import RecallRequest  # noqa: PLC0415 - only after ROOT is importable
    from tools.recall.pipeline import recall  # noqa: PLC0415 - as above

    request = RecallRequest(message=message, limit=limit, counts_as_use=False, least_share=least_share)
    return [match.memory.id for match in (await recall(services, call.workspace, request)).matches]


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


async def _store_day(services: Any, talk: Talk, day: datetime) -> None:
    """Store the turns of a day, session by session, and what is told again of the day before."""
    turns = list(enumerate(talk.conversation.turns))
    said = [(place, turn) for place, turn in turns if turn.at.date() == day.date()]
    for session, some in groupby(said, key=lambda each: each[1].session):
        of_session = list(some)
        memories = [
            {
                "content": turn.text,
                "author": turn.author,
                "session": session,
                "occurred_at": turn.at.isoformat(),
                "tags": [session] if number % 2 else [],
            }
            for number, (_, turn) in enumerate(of_session)
        ]
        for (place, _), memory_id in zip(of_session, await _store(services, talk.call, memories), strict=True):
            talk.ids[place] = [memory_id]
    earlier = day.date() - timedelta(days=1)
    again = [(place, turn) for place, turn in turns if turn.at.date() == earlier and place % TURNS_TOLD_AGAIN == 0]
    memories = [
        {
            "content": _tell_again(turn.text),
            "author": turn.author,
            "session": f"{turn.session} again",
            "occurred_at": turn.at.isoformat(),
        }
        for _, turn in again
    ]
    for (place, _), memory_id in zip(again, await _store(services, talk.call, memories), strict=True):
        talk.ids[place].append(memory_id)


def _tell_again(text: str) -> str:
    """Return a text that says the same. The very same text is not stored again, but counted."""
    return text.removesuffix(".") if text.endswith(".") else f"{text}."


async def _store_quiet(services: Any, call: Any, asked_at: datetime) -> dict[str, str]:
    """Store the quiet set, a part of it twice, with the times that its questions mean. Return memory id → key."""
    data = json.loads(SET.read_text())["memories"]
    memories = [
        {name: each[name] for name in ("content", "type", "author") if name in each}
        | {"occurred_at": find_time(each["when"], asked_at).isoformat()}
        for each in data
    ]
    keys = [each["key"] for each in data]
    again = [each | {"content": _tell_again(each["content"])} for each in memories[::QUIET_TOLD_AGAIN]]
    ids = await _store(services, call, [*memories, *again])
    return dict(zip(ids, [*keys, *keys[::QUIET_TOLD_AGAIN]], strict=True))


async def _store(services: Any, call: Any, memories: Sequence[Mapping[str, Any]]) -> list[str]:
    from tools.memories.ingest import IngestMemories, ingest_memories  # noqa: PLC0415 - only after ROOT is importable

    ids: list[str] = []
    for first in range(0, len(memories), BATCH):
        some = IngestMemories.model_validate({"memories": memories[first : first + BATCH]})
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
    await services.projection.project(call.workspace.id)
    return [run.state for run in runs]


def _count_changes(stored: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[int, int]:
    """Return the number of memories that are gone, and of those that have changed since they were stored."""
    plain = {each: memory for each, memory in stored.items() if not _is_merged(memory)}
    unmarked = COUNTED | {"consolidated", "consolidated_into"}
    changed = [
        each
        for each, memory in plain.items()
        if each in now
        and (now[each].consolidated or memory.model_dump(exclude=unmarked) != now[each].model_dump(exclude=unmarked))
    ]
    return len(plain.keys() - now.keys()), len(changed) + len(now.keys() - plain.keys())


def _is_merged(memory: Any) -> bool:
    from server.memory.merging.merged_memory import SOURCE_LABEL  # noqa: PLC0415 - only after ROOT is importable

    return any(link.label == SOURCE_LABEL for link in memory.linkages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=find_file(), metavar="FILE")
    parser.add_argument("--consolidation", choices=("duplicates", "tags"), default="duplicates")
    arguments = parser.parse_args()
    print_figures(live_year(read_conversations(arguments.file), arguments.consolidation))


if __name__ == "__main__":
    main()
