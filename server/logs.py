"""How log lines look: for people, or as JSON. Tokens, passwords and contents are never logged."""

import logging
import sys
from typing import Any, Literal

import structlog


class _Logger(structlog.WriteLogger):
    """Ours, straight to stderr: by way of the standard library a line costs twice as much, and each request has one."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr)
        self.name = name


def _add_name(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Whose line it is; nothing where the logger was made without a name."""
    named = structlog.stdlib.add_logger_name(logger, method, event)
    if not named["logger"]:
        del named["logger"]
    return named


def configure(log_format: Literal["text", "json"]) -> None:
    """Send everything that is logged, ours and the libraries', to stderr in one form."""
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
    # Each call that fails is logged by us, with its request id.
    for noisy in ("httpx", "httpcore", "mcp", "uvicorn.error", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
