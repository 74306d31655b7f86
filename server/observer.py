"""The seam for metrics and traces: the parts of the server say what they do, and an observer takes note.

Nobody watches by default. `server.telemetry` has the observers that count and trace; the composition root chooses.
"""

from collections.abc import MutableMapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Literal

#: The things watched: a stage of a recall, the embedding of a question or of documents, a verb of the search engine,
#: a tool of the MCP door, and a step of the background work.
Part = Literal["recall", "embedding", "engine", "tool", "work"]

_NOTHING: AbstractContextManager[Any] = nullcontext()


class RequestWatch:
    """The observation of one HTTP request."""

    def end(self, status: int | None) -> None:
        """Note the end of the request: the status of its answer, None if the client went away before there was one."""


_NO_REQUEST_WATCH = RequestWatch()


class Observer:
    """Takes note of what the server does. This one takes note of nothing."""

    #: Whether `note_statement` wants to hear of each SQL statement.
    watches_statements = False

    def begin_request(self, scope: MutableMapping[str, Any]) -> RequestWatch:  # noqa: ARG002 - for the others
        """Note the begin of an HTTP request, given by its ASGI scope.

        When the request ends, the scope has the `route` that was found for it.
        """
        return _NO_REQUEST_WATCH

    def watch(self, part: Part, name: str) -> AbstractContextManager[Any]:  # noqa: ARG002 - for the others
        """Watch a part of the work for as long as the block lasts. An error that leaves the block is its outcome.

        The names of a part are few and known: no name is from a request or from the record.
        """
        return _NOTHING

    def note_documents(self, texts: int, windows: int) -> None:
        """Note that documents were embedded: the number of texts, and of their windows together."""

    def note_statement(self, kind: str, started: int) -> None:
        """Note that a SQL statement has ended: its kind, like SELECT, and its start in nanoseconds since 1970."""


#: The observer if nobody watches.
NOBODY = Observer()


class ObserverPair(Observer):
    """Two observers that watch the same server."""

    def __init__(self, first: Observer, second: Observer) -> None:
        self._first = first
        self._second = second
        self.watches_statements = first.watches_statements or second.watches_statements

    def begin_request(self, scope: MutableMapping[str, Any]) -> RequestWatch:  # noqa: D102 - as `Observer`
        return _RequestWatchPair(self._first.begin_request(scope), self._second.begin_request(scope))

    def watch(self, part: Part, name: str) -> AbstractContextManager[Any]:  # noqa: D102 - as `Observer`
        return _WatchPair(self._first.watch(part, name), self._second.watch(part, name))

    def note_documents(self, texts: int, windows: int) -> None:  # noqa: D102 - as `Observer`
        self._first.note_documents(texts, windows)
        self._second.note_documents(texts, windows)

    def note_statement(self, kind: str, started: int) -> None:  # noqa: D102 - as `Observer`
        self._first.note_statement(kind, started)
        self._second.note_statement(kind, started)


class _RequestWatchPair(RequestWatch):
    def __init__(self, first: RequestWatch, second: RequestWatch) -> None:
        self._first = first
        self._second = second

    def end(self, status: int | None) -> None:
        self._first.end(status)
        self._second.end(status)


class _WatchPair:
    def __init__(self, first: AbstractContextManager[Any], second: AbstractContextManager[Any]) -> None:
        self._first = first
        self._second = second

    def __enter__(self) -> None:
        self._first.__enter__()
        self._second.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._second.__exit__(kind, error, traceback)
        self._first.__exit__(kind, error, traceback)
