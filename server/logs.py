"""The format of log lines: text for people, or JSON. No line holds a token, a password or the content of a memory.

To log never raises and never waits for long: a line that cannot be written (the pipe is closed or nobody reads it, the
disk is full) is lost, and the work goes on.
"""

import logging
import math
import re
import select
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog

FindOutage = Callable[[BaseException | None], str | None]
MINUTE = 60.0
#: The characters that are written at once: as UTF-8 they fit into one page, for which a pipe has room or has not.
PIECE = 1_000
#: The seconds that a write waits for a reader. From then on lines are lost until there is room again.
READER_SECONDS = 0.2
#: The lines that come again and again: for each write and each workspace as long as the search store is down, and for
#: each batch of spans as long as their collector is down.
REPEATING = frozenset({"projection.behind", "projection.flush_failed", "traces.not_sent"})


#: The C0 and C1 controls, and the characters that turn the direction of a line; each with its escape.
_CONTROLS = {
    each: f"\\x{each:02x}" if each < 256 else f"\\u{each:04x}"  # noqa: PLR2004 - the last character of two digits
    for each in (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}
_CONTROLS_OF_A_TRACEBACK = {each: escape for each, escape in _CONTROLS.items() if chr(each) not in "\n\t"}
#: The characters of a value that make its end hard to see, so that it is written in quotes.
_QUOTED = re.compile(r"[ \t=\r\n\"']")


class _Reader:
    """The reader of standard error: a program at the other end of a pipe, or a terminal, which may stop to read."""

    def __init__(self) -> None:
        self._is_stalled = False
        #: Whether only the beginning of the last line was written.
        self._is_cut = False

    def write(self, stream: TextIO, text: str) -> None:
        """Write as much of a text as there is room for. After a line that was cut, the next one begins a line."""
        text = f"\n{text}" if self._is_cut else text
        for start in range(0, len(text), PIECE):
            if not self._has_room(stream):
                return
            stream.write(text[start : start + PIECE])
            stream.flush()
            self._is_cut = start + PIECE < len(text)

    def _has_room(self, stream: TextIO) -> bool:
        """Whether `PIECE` characters can be written now. A reader that is late gets `READER_SECONDS`, but only once."""
        if not hasattr(select, "poll"):  # Windows
            return True
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        self._is_stalled = not poll.poll(0 if self._is_stalled else READER_SECONDS * 1000)
        return not self._is_stalled


_READER = _Reader()


class Stderr:
    """Writes to the standard error of the moment, which a test may replace after a logger was made.

    A text that cannot be written now is lost. All else is the business of the stream itself.
    """

    def write(self, text: str) -> int:
        """Write a text and return its length."""
        with suppress(OSError, ValueError):  # a stream that is closed raises ValueError
            if _has_descriptor(sys.stderr):
                _READER.write(sys.stderr, text)
            else:
                sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what the stream has kept back."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def _has_descriptor(stream: TextIO) -> bool:
    """Whether a stream has a descriptor, so that a write to it may wait for somebody."""
    try:
        return stream.fileno() >= 0
    except (OSError, ValueError, AttributeError):  # a stream of a test, or of another program that has imported us
        return False


class _Logger(structlog.WriteLogger):
    """Our logger, which writes to stderr directly: a line costs half of a line through the standard library.

    There is a line for each request.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(cast("TextIO", Stderr()))
        self.name = name


class _Renderer:
    """Makes a line even if a value in it cannot be shown."""

    def __init__(self, renderer: structlog.typing.Processor) -> None:
        self._renderer = renderer

    def __call__(self, logger: Any, method: str, event: structlog.typing.EventDict) -> Any:
        known = {key: event[key] for key in ("event", "level", "timestamp", "logger") if key in event}
        try:
            return self._renderer(logger, method, event)
        except Exception as error:  # noqa: BLE001 - whatever a value's own code raises
            return self._renderer(logger, method, {**known, "problem": f"cannot be shown: {type(error).__name__}"})


class LineRenderer:
    """Writes the lines of structlog's console renderer without colors, in a third of its time."""

    def __init__(self) -> None:
        self._renderer = structlog.dev.ConsoleRenderer(colors=False)

    def __call__(self, logger: Any, method: str, event: structlog.typing.EventDict) -> str:
        """Return the line of an event; structlog's renderer makes the lines that have a traceback."""
        if not event.keys().isdisjoint(("exception", "exc_info", "stack")):
            return self._renderer(logger, method, event)
        head = f"{event.pop('timestamp')} [{event.pop('level'):<9}] {event.pop('event')!s:<30}"
        name = event.pop("logger", None)
        named = [head] if name is None else [head, f"[{name}]"]
        return " ".join([*named, *(f"{key}={_show_value(event[key])}" for key in sorted(event))]).rstrip(" ")


def _show_value(value: object) -> str:
    return value if isinstance(value, str) and not _QUOTED.search(value) else repr(value)


class _Escaper:
    """Writes control characters of values as escapes, so that no value moves a terminal's cursor or begins a line."""

    def __call__(self, _logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        for key, value in event.items():
            if isinstance(value, str) and not value.isprintable():
                event[key] = value.translate(_CONTROLS_OF_A_TRACEBACK if key == "exception" else _CONTROLS)
        return event


class _OncePerMinute:
    """Keeps the lines on an outage of a store few and short: one a minute for each kind, without a traceback.

    Args:
        find_outage: returns the kind of the outage that an error tells of, or None.
        clock: seconds that only ever grow.
    """

    def __init__(self, find_outage: FindOutage, clock: Callable[[], float]) -> None:
        self._find_outage = find_outage
        self._clock = clock
        self._logged: dict[tuple[str, ...], float] = {}
        self._left_out: Counter[tuple[str, ...]] = Counter()

    def __call__(self, _logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        error = sys.exc_info()[1] if event.get("exc_info") is True else None
        outage = self._find_outage(error)
        if error is not None and outage is not None:
            del event["exc_info"]
            reason = str(getattr(error, "orig", None) or error)  # SQLAlchemy's own text has the statement
            event.update(outage=outage, reason=reason)
            kind = (outage,)
        elif event["event"] in REPEATING:
            kind = (event["event"], str(event.get("error")))
        else:
            return event
        now = self._clock()
        if now - self._logged.get(kind, -math.inf) < MINUTE:
            self._left_out[kind] += 1
            raise structlog.DropEvent
        self._logged[kind] = now
        event["left_out"] = self._left_out.pop(kind, 0)
        return event


class _Handler(logging.StreamHandler[TextIO]):
    """Writes the lines of libraries."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the base class's
        """Say which logger's line cannot be shown. The base class would write a traceback, past our stream."""
        self.stream.write(f"A line of the logger {record.name} cannot be shown.\n")


def _add_name(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Return the event with the name of its logger, if the logger has one."""
    named = structlog.stdlib.add_logger_name(logger, method, event)
    if not named["logger"]:
        del named["logger"]
    return named


def _choose_renderer(log_format: Literal["text", "json"]) -> structlog.typing.Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=True) if sys.stderr.isatty() else LineRenderer()


def configure_logs(
    log_format: Literal["text", "json"],
    find_outage: FindOutage = lambda _error: None,
    clock: Callable[[], float] = time.monotonic,
    *,
    has_traces: bool = False,
) -> None:
    """Write every log line, ours and those of the libraries, to stderr in one format.

    Of each outage that `find_outage` knows there is one line a minute; `clock` counts the seconds. If the server
    `has_traces`, the lines of a request have the id of its trace.
    """
    shared: list[structlog.typing.Processor] = [
        *([structlog.contextvars.merge_contextvars] if has_traces else []),
        _add_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if log_format == "text":  # JSON has escapes of its own
        shared.append(_Escaper())
    renderer = _Renderer(_choose_renderer(log_format))
    structlog.configure(
        processors=[_OncePerMinute(find_outage, clock), *shared, renderer],
        logger_factory=_Logger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(cast("TextIO", Stderr()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # We log each request that fails, with its id; these loggers would say the same a second time.
    for noisy in ("httpx", "httpcore", "mcp", "uvicorn.error", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
