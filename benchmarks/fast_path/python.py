"""The tricks of the fast path that lie in Python, in the record and in the model: what is remembered, and in what form.

Not a benchmark by itself: see `fast_path.py`.
"""

import logging
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import make_dataclass
from datetime import datetime
from functools import lru_cache
from io import StringIO
from itertools import count
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
from helpers.ab import FETCH, INGEST, Trick, Way, compare_async_ways, compare_ways
from helpers.common import Site
from helpers.filling import STORED

from auth.bearers.api_keys import verify_api_key
from auth.bearers.bearer import Authenticator
from auth.principal import Principal
from server.logs import LineRenderer, configure_logs
from server.memory.credentials import find_credentials, list_forms
from server.memory.languages import Language
from server.memory.notes.skip import SkipEntry, covers_text, find_matches, find_telling_terms
from server.memory.recall.ranking import Candidate, RankedCandidate, Traits
from server.memory.text import hash_term, split_words, stem_words
from server.store.db import Database
from server.store.directory import Directory
from server.store.epoch import Epoch
from server.store.projection.points.payload import StoredTraits
from server.store.record.people.plans import Plans
from server.store.record.workspaces import find_workspace
from server.store.search.seam import FoundPoint
from server.store.tables.accounts import users
from server.store.tables.working import working_items

POINTS = 64
ANSWERED = 10
LOOK_UPS = 3


def measure_python(texts: list[str]) -> list[Trick]:
    """Every trick that needs neither a record nor a model."""
    return [
        _compare_tuples(),
        _compare_names(),
        _compare_skip_lists(texts),
        _compare_search_texts(texts),
        _compare_credentials(texts),
        _compare_log_lines(),
        _compare_text_lines(),
    ]


def _compare_tuples() -> Trick:
    traits = ("id", 1.0, None, ("a", "b"), "Anna", "", "")
    made: dict[type[NamedTuple], tuple[Any, ...]] = {
        FoundPoint: ("id", 0.5, {}),
        StoredTraits: traits[1:],
        Traits: (1.0, 3, ("a", "b"), False, False, False),
        Candidate: ("id", 0.5, None, 0.5, traits, 0.1),
        RankedCandidate: ("id", 0.5, 0.5, 0.5, 0.5, {}, traits),
    }
    plain: list[tuple[type, tuple[Any, ...]]] = [
        (make_dataclass(kind.__name__, kind._fields, frozen=True, slots=True), values) for kind, values in made.items()
    ]
    unit = f"recall of {POINTS} points"
    return compare_ways(
        "tuples for points and candidates", unit, _make_builder(list(made.items())), _make_builder(plain), times=5.0
    )


def _make_builder(kinds: list[tuple[Any, tuple[Any, ...]]]) -> Way:
    return lambda: [[kind(*values) for kind, values in kinds] for _ in range(POINTS)]


def _compare_names() -> Trick:
    def find_terms(name: str, language: Language) -> frozenset[int]:
        return frozenset(map(hash_term, stem_words(split_words(name, language), language)))

    remembered = lru_cache(maxsize=4096)(find_terms)
    names = [f"{first} {last}" for first in ("Anna", "Ben", "Priya", "Lukas") for last in ("Berg", "Ito", "Novak")]

    def read(find: Callable[[str, Language], object]) -> Way:
        return lambda: [find(names[place % len(names)], "english") for place in range(2 * POINTS)]

    return compare_ways("terms of names remembered", f"recall of {POINTS} points", read(remembered), read(find_terms))


def _compare_skip_lists(texts: list[str]) -> Trick:
    entries = [SkipEntry(f"{n}", text, "", "", None, STORED) for n, text in enumerate(texts[:5])]
    contents = texts[100 : 100 + ANSWERED]

    def remembered() -> None:
        find_matches(entries, contents[0])
        for content in contents:
            for entry in entries:
                covers_text(entry, content)

    def plain() -> None:
        said = find_telling_terms(contents[0])
        about = [find_telling_terms(entry.item) for entry in entries]
        assert all(about <= said for about in about) is False
        for content in contents:
            said = find_telling_terms(content)
            for each in about:
                assert not each or not each <= said

    return compare_ways("terms of a skip list's 5 entries remembered", "recall", remembered, plain)


def _compare_search_texts(texts: list[str]) -> Trick:
    """A conversation's turns one after the other: each is read again for the two after it."""

    def terms(text: str) -> tuple[str, ...]:
        return tuple(stem_words(split_words(text)))

    def store(find: Callable[[str], object]) -> Way:
        places = count(2)

        def way() -> None:
            place = next(places) % (len(texts) - 2) + 2
            for text in texts[place - 2 : place + 1]:
                find(text)

        return way

    remembered = lru_cache(maxsize=256)(terms)
    return compare_ways(
        "terms of neighbours remembered", "stored turn", store(remembered), store(terms), calls=100, whole=INGEST
    )


def _compare_credentials(texts: list[str]) -> Trick:
    """The search for credentials in a text, and each pattern of a credential alone."""

    def read(find: Callable[[str], object]) -> Way:
        places = count()
        return lambda: find(texts[next(places) % len(texts)])

    def find_by_each(text: str) -> list[object]:
        return [match for form in list_forms() for match in form.pattern.finditer(text)]

    return compare_ways(
        "hints of credentials", "stored text", read(find_credentials), read(find_by_each), calls=100, whole=INGEST
    )


def _compare_log_lines() -> Trick:
    """A line of a request through our logger, and through the one of the standard library."""
    with redirect_stderr(StringIO()) as sink:
        configure_logs("json")
        direct = structlog.get_logger("server.web.entrance")
        processors = structlog.get_config()["processors"]
        handler = logging.StreamHandler(sink)
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, processors[-1]]
            )
        )
        library = logging.getLogger("benchmark")
        library.handlers, library.propagate = [handler], False
        library.setLevel(logging.INFO)
        through = structlog.wrap_logger(
            library,
            processors=[*processors[:-1], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            wrapper_class=structlog.stdlib.BoundLogger,
            context_class=dict,
        ).bind()

        def line(logger: Any) -> Way:
            def way() -> None:
                logger.info("request", method="POST", path="/v1/context", status=200, ms=7.5, request_id="0123456789")

            return way

        trick = compare_ways("our own logger", "line", line(direct), line(through), calls=200, times=2.0)
    configure_logs("text")
    return trick


def _compare_text_lines() -> Trick:
    """A text line of a request by our renderer, and by structlog's."""
    event = {"timestamp": "2026-11-30T04:00:00.000000Z", "level": "info", "logger": "server.access"}
    event |= {"event": "request.answered", "method": "POST", "path": "/mcp", "status": 200, "ms": 7.5}

    def line(renderer: Any) -> Way:
        return lambda: renderer(None, "info", {**event, "request_id": "0123456789"})

    plain = structlog.dev.ConsoleRenderer(colors=False)
    return compare_ways("our own text of a line", "line", line(LineRenderer()), line(plain), calls=200, times=3.0)


async def measure_record(site: Site) -> list[Trick]:
    """The caches of the record, in a data folder with one user."""

    def now() -> datetime:
        return STORED

    db = Database(f"sqlite+aiosqlite:///{site.folder / 'loci.db'}")
    epoch = Epoch(db, now)
    authenticator = Authenticator(db, now, epoch, _verify_none)
    directory = Directory(db, now, epoch, Plans({}, ""))
    async with db.read() as connection:
        account_id = (await connection.execute(sa.select(users.c.account_id))).scalar_one()
    await directory.ensure_workspace(account_id, "default", 0)
    query = sa.select(working_items.c.id, working_items.c.title).where(
        working_items.c.workspace_id == sa.bindparam("workspace")
    )
    numbers = count()

    async def read(values: dict[str, Any]) -> None:
        async with db.read() as connection:
            for _ in range(LOOK_UPS):
                (await connection.execute(query, values)).all()

    async def remembered() -> None:
        for _ in range(LOOK_UPS):
            await db.cached_rows(query, {"workspace": "here"})

    async def here() -> None:
        for _ in range(LOOK_UPS):
            await db.cached_rows(query, {"workspace": str(next(numbers))})

    async def recognised() -> None:
        await verify_api_key(db, site.key, now())

    async def found() -> None:
        async with db.read() as connection:
            await find_workspace(connection, account_id, "default")

    near = sa.create_engine(f"sqlite:///{site.folder / 'loci.db'}", isolation_level="AUTOCOMMIT").connect()
    driver: Any = near.connection.driver_connection

    tricks = [
        await compare_async_ways(
            "look-ups remembered", f"context ({LOOK_UPS})", remembered, lambda: read({"workspace": "here"}), times=20.0
        ),
        await compare_async_ways(
            "look-ups on the loop",
            f"context ({LOOK_UPS}), if none is known",
            here,
            lambda: read({"workspace": str(next(numbers))}),
        ),
        compare_ways(
            "PRAGMA past SQLAlchemy",
            f"context ({LOOK_UPS})",
            lambda: [driver.execute("PRAGMA data_version").fetchone() for _ in range(LOOK_UPS)],
            lambda: [near.exec_driver_sql("PRAGMA data_version").fetchone() for _ in range(LOOK_UPS)],
            times=2.0,  # cached_reads.py: SQLAlchemy takes longer over it than SQLite
        ),
        await compare_async_ways(
            "principals remembered", "request", lambda: authenticator.authenticate(site.key), recognised, whole=FETCH
        ),
        await compare_async_ways(
            "workspaces remembered",
            "request",
            lambda: directory.find_workspace(account_id, "default"),
            found,
            whole=FETCH,
        ),
    ]
    near.close()
    await db.close()
    return tricks


async def _verify_none(_bearer: str) -> Principal | None:
    return None
