"""GET /v1/live: what agents store and recall right now, as server-sent events; the console's page gets the same.

The events come from the audit in the record, so a stream shows the calls of every process that serves the account.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from auth.bearers.guard import read_bearer
from auth.principal import Principal
from server.errors import Failure
from server.web.openapi import add_paths, describe_arguments, describe_query, describe_refusal
from tools.core.call import AccountCall, Door
from tools.core.execution import open_account_call
from tools.core.services import Services
from tools.people.activity import ActivityPage, ListActivity, list_activity

PATH = "/v1/live"
METHODS = frozenset({"GET"})
MEDIA_TYPE = "text/event-stream"
#: The seconds between two looks at the record, and between two signs of life.
TICK, HEARTBEAT = 1.0, 15.0
#: The seconds after which a stream ends. The client opens another one, which goes on where this one ended.
LIFETIME = 15 * 60.0
#: The open streams of one person, and of all people together, in one process.
MOST_EACH, MOST = 4, 200

#: The header tells nginx not to wait for the end of the answer.
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}

#: Whether the caller may still watch.
IsAllowed = Callable[[], Awaitable[bool]]


class OpenStreams:
    """The streams that are open in this process."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._is_over = asyncio.Event()

    def end(self) -> None:
        """End all streams, as the server stops. Their clients open others when it is back."""
        self._is_over.set()

    async def pause(self, seconds: float) -> bool:
        """Wait, and return whether the streams go on."""
        try:
            await asyncio.wait_for(self._is_over.wait(), seconds)
        except TimeoutError:
            return True
        return False

    @contextmanager
    def take_place(self, user_id: str) -> Generator[None]:
        """Count a stream of a user while the block lasts. Raises `too_many_requests` if there are too many."""
        if self._counts[user_id] >= MOST_EACH or self._counts.total() >= MOST:
            message = f"You have {self._counts[user_id]} live streams open. Close one, or ask for /v1/activity."
            raise Failure("too_many_requests", message, retry_after=30)
        self._counts[user_id] += 1
        try:
            yield
        finally:
            self._counts[user_id] -= 1
            if not self._counts[user_id]:
                del self._counts[user_id]


class LiveEndpoint:
    """Answers with streams: at `/v1/live` for a bearer, and in the console for a person who is logged in."""

    def __init__(self, streams: OpenStreams) -> None:
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose principal the guard has found."""
        request = Request(scope, receive)
        before: Principal = request.state.principal
        bearer = read_bearer(request.headers)

        async def is_allowed() -> bool:
            found = None if isinstance(bearer, Failure) else await request.state.authenticator.authenticate(bearer)
            return found is not None and found.user_id == before.user_id

        await self.send_stream(request, Door(before, request.state.request_id), is_allowed, send)

    async def send_stream(self, request: Request, door: Door, is_allowed: IsAllowed, send: Send) -> None:
        """Send the stream of what a caller may watch. It ends when the caller may not any more.

        Raises:
            Failure: a refusal.
        """
        services: Services = request.state.services
        sent: dict[str, Any] = dict(request.query_params)
        if (last := request.headers.get("last-event-id", "")).isdecimal():
            sent["after"] = last[:15]
        call, args = await open_account_call("watch_activity", "memory:read", ListActivity, services, door, sent)
        with self._streams.take_place(door.principal.user_id):
            events = _follow(services, call, args, is_allowed, self._streams)
            response = StreamingResponse(events, media_type=MEDIA_TYPE, headers=_HEADERS)
            await response(request.scope, request.receive, send)


async def _follow(
    services: Services, call: AccountCall, args: ListActivity, is_allowed: IsAllowed, streams: OpenStreams
) -> AsyncGenerator[str]:
    """Yield events: each call, the work in the background if it has changed, and signs of life."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LIFETIME
    spoke_at, progress = 0.0, ""
    while loop.time() < end:
        if not await _ask(is_allowed):
            yield "event: end\ndata: {}\n\n"
            return
        page: ActivityPage = await list_activity(services, call, args)
        events = [_write_event("activity", each.model_dump_json(), each.number) for each in reversed(page.activity)]
        if (now := page.progress.model_dump_json()) != progress:
            events.append(_write_event("progress", now, page.newest))
            progress = now
        args = args.model_copy(update={"after": page.newest})
        if loop.time() - spoke_at >= HEARTBEAT and not events:
            events.append(": still here\n\n")
        if events:
            spoke_at = loop.time()
            yield "".join(events)
        if not await streams.pause(TICK):
            return


async def _ask(is_allowed: IsAllowed) -> bool:
    """Whether the caller may still watch. A refusal means no: the answer has begun, so that nobody would hear it."""
    try:
        return await is_allowed()
    except Failure:
        return False


def _write_event(kind: str, data: str, number: int) -> str:
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n"


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with this route added."""
    schemas = dict(openapi["components"]["schemas"])
    operation: dict[str, Any] = {
        "operationId": "watch_activity",
        "summary": "Watch activity",
        "description": "Send the calls of the account as they happen, as server-sent events: `activity`, with an entry "
        "of `list_activity`; `progress`, if the work in the background has changed; `end`, if you may not watch any "
        "more. A comment comes every 15 seconds. `Last-Event-ID` goes on where a stream ended.\n\n"
        "Needs the scope `memory:read`.",
        "parameters": describe_query(describe_arguments(ListActivity, schemas)),
        "responses": {
            "200": {"description": "The events.", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
            "default": describe_refusal(),
        },
    }
    return add_paths(openapi, {PATH: {"get": operation}}, schemas)
