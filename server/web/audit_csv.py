"""GET /v1/audit as CSV: the whole audit that fits the filters, sent as it is read."""

import csv
import io
from collections.abc import AsyncGenerator
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from tools.core.call import AccountCall, Door
from tools.core.execution import open_account_call
from tools.core.services import Services
from tools.people.audit import COLUMNS, AuditArgs, AuditEntry, stream_audit

PATH = "/v1/audit"
MEDIA_TYPE = "text/csv"
#: A spreadsheet takes a cell that begins so for a formula. Names are what people have typed.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CsvRoute(Route):
    """A route that takes only requests for CSV, by `format=csv` or by the Accept header, and leaves the others."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the path, the method and the wanted type fit."""
        if scope.get("path") != PATH or scope.get("method") != "GET":
            return Match.NONE, {}
        asked = QueryParams(scope.get("query_string", b"")).get("format")
        wants_csv = asked == "csv" or (not asked and _prefers_csv(Headers(scope=scope).get("accept", "")))
        return super().matches(scope) if wants_csv else (Match.NONE, {})


def _prefers_csv(accept: str) -> bool:
    """Whether an Accept header names CSV, and JSON not before it."""
    types = [each.partition(";")[0].strip().lower() for each in accept.split(",")]
    return MEDIA_TYPE in types and "application/json" not in types[: types.index(MEDIA_TYPE)]


async def answer_csv(scope: Scope, receive: Receive, send: Send) -> None:
    """Check the request, then send the entries."""
    request = Request(scope, receive)
    response = await open_csv(request, Door(request.state.principal, request.state.request_id))
    await response(scope, receive, send)


async def open_csv(request: Request, door: Door) -> Response:
    """Return the answer that sends the entries that fit the request's query.

    A list that breaks off ends without the last chunk of its body.

    Raises:
        Failure: a refusal, before anything is sent.
    """
    services: Services = request.state.services
    sent = {name: value for name, value in request.query_params.items() if name != "format"}
    call, args = await open_account_call("list_audit", "memory:read", AuditArgs, services, door, sent)
    lines = _write_lines(services, call, args)
    first = await anext(lines)  # if the caller is refused, the answer says so
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(_prepend(first, lines), headers=headers, media_type=f"{MEDIA_TYPE}; charset=utf-8")


async def _write_lines(services: Services, call: AccountCall, args: AuditArgs) -> AsyncGenerator[str]:
    """Yield the line of names with the first entry, and then a line for each entry."""
    head = _format_line(COLUMNS)
    async for entry in stream_audit(services, call, args):
        yield head + _format_line(_list_cells(entry))
        head = ""
    if head:
        yield head


async def _prepend(first: str, rest: AsyncGenerator[str]) -> AsyncGenerator[str]:
    yield first
    async for line in rest:
        yield line


def _list_cells(entry: AuditEntry) -> list[str]:
    values: dict[str, Any] = entry.model_dump(mode="json")
    return ["" if values[name] is None else _disarm(str(values[name])) for name in COLUMNS]


def _disarm(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _format_line(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document in which the audit can be CSV, too."""
    answer: dict[str, Any] = openapi["paths"][PATH]["get"]["responses"]["200"]
    answer["content"][MEDIA_TYPE] = {"schema": {"type": "string"}}
    return openapi
