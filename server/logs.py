"""The format of log lines: text for people, or JSON. No line holds a token, a password or the content of a memory."""

import logging
import sys
from typing import Any, Literal, TextIO, cast

import structlog


class _Stderr:
    """Writes to the standard error of the moment, which a test may replace after a logger was made."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Logger(structlog.WriteLogger):
    """Our logger, which writes to stderr directly: a line costs half of a line through the standard library.

    There is a line for each request.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(cast("TextIO", _Stderr()))
        self.name = name


def _add_name(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Return the event with the name of its logger, if the logger has one."""
    named = structlog.stdlib.add_logger_name(logger, method, event)
    if not named["logger"]:
        del named["logger"]
    return named


def configure_logs(log_format: Literal["text", "json"]) -> None:
    """Write every log line, ours and those of the libraries, to stderr in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=_Logger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
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
