"""Requests to the MCP servers, read before the SDK sees them.

The SDK answers a message that is no JSON-RPC with the validator's text, takes a request with an odd id for a
notification, and refuses clients that do not say that they accept JSON. Here every such message gets the error of the
specification and one sentence, and every client an answer that it can read.
"""

from typing import Any, cast

from mcp import types
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types import PROTOCOL_VERSION_META_KEY
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import Failure
from server.storable import load_json, refuse_unstorable
from server.web.mcp import cards

#: The MCP specification's code for a protocol version that the server does not speak.
UNSUPPORTED_VERSION = -32022
SHOWN = 60
#: The parameter of a method that must be there, as a string. The SDK's refusal would not name it.
REQUIRED_TEXTS = {
    "prompts/get": "name",
    "resources/read": "uri",
    "tools/call": "name",
}


class _RpcError(Exception):
    """A message that is refused, with JSON-RPC's code, one sentence, and the id of the request if it has one."""

    def __init__(self, code: int, message: str, *, request_id: str | int | None = None, data: object = None) -> None:
        super().__init__(message)
        error: dict[str, object] = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        self.body = {"jsonrpc": "2.0", "id": request_id, "error": error}


def read_first(app: ASGIApp) -> ASGIApp:
    """Return the SDK's application behind a layer that reads the whole message and checks it.

    It raises `ClientDisconnect` if the client goes away; the SDK would log that as an error of ours.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        try:
            _check_media_type(request.headers)
            has_cards = _check_message(body, request.headers)
        except _RpcError as error:
            await JSONResponse(error.body, 400)(scope, receive, send)
            return
        parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return parts.pop() if parts else await receive()

        accept = request.headers.get("accept", "")
        others = [header for header in scope["headers"] if header[0] != b"accept"]
        scope["headers"] = [*others, (b"accept", b"application/json, text/event-stream")]
        if has_cards:
            send = _add_session(send)
        await app(scope, replay, _EventSender(send) if _wants_events(accept) else send)

    return serve


def _wants_events(accept: str) -> bool:
    """Whether a client accepts an event stream and no JSON. A client that names no type accepts any."""
    accepted = {each.partition(";")[0].strip().lower() for each in accept.split(",")}
    return bool(accepted & {"text/event-stream", "text/*"}) and not accepted & {
        "application/json",
        "application/*",
        "*/*",
    }


def _check_media_type(headers: Headers) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise _RpcError(types.INVALID_REQUEST, "Send the message with `Content-Type: application/json`.")


def _check_message(body: bytes, headers: Headers) -> bool:
    """Check that a body is one JSON-RPC message, of a protocol version that the SDK speaks.

    Return whether it is the handshake of a client that shows cards.

    Raises:
        _RpcError: it is not.
    """
    fault: Failure | None = None
    try:
        message: object = from_json(body)
    except ValueError:
        message, fault = _read_unusual(body)
    if isinstance(message, list):
        text = "A batch is not supported; send each message in a request of its own."
        raise _RpcError(types.INVALID_REQUEST, text)
    if not isinstance(message, dict):
        raise _RpcError(types.INVALID_REQUEST, "The body must be one JSON-RPC message, an object.")
    message = cast("dict[str, Any]", message)
    request_id = _check_id(message)
    if fault is not None:
        raise _make_refusal(fault, request_id)
    if message.get("jsonrpc") != "2.0":
        raise _RpcError(types.INVALID_REQUEST, '`jsonrpc` must be "2.0".', request_id=request_id)
    if "method" in message:
        _check_request(message, request_id)
    elif not isinstance(message.get("result"), dict) and not _is_error(message):
        text = "A message must have a `method`, or be a response with a `result` or an `error`."
        raise _RpcError(types.INVALID_REQUEST, text, request_id=request_id)
    _check_version(message, headers.get(MCP_PROTOCOL_VERSION_HEADER), request_id)
    params: dict[str, Any] = message.get("params") or {}
    return message.get("method") == "initialize" and cards.declares_cards(params.get("capabilities"))


def _add_session(send: Send) -> Send:
    """Return a sender that gives the client an id of a session, by which it is known to show cards."""

    async def send_with_session(message: Message) -> None:
        if message["type"] == "http.response.start":
            header = (cards.SESSION_HEADER.encode(), cards.make_session_id().encode())
            message = {**message, "headers": [*message["headers"], header]}
        await send(message)

    return send_with_session


def _read_unusual(body: bytes) -> tuple[object, Failure]:
    """Return a message that is JSON and that the SDK cannot read, and the reason.

    Raises:
        _RpcError: it is no JSON.
    """
    try:
        message = load_json(body)
    except (ValueError, RecursionError) as error:
        text = "is nested too deep" if isinstance(error, RecursionError) else "is not valid JSON"
        raise _RpcError(types.PARSE_ERROR, f"The body {text}.") from None
    try:
        refuse_unstorable(message)
    except Failure as failure:
        return message, failure
    raise _RpcError(types.PARSE_ERROR, "The body is not valid JSON.")


def _make_refusal(fault: Failure, request_id: str | int | None) -> _RpcError:
    """Return the refusal of a message with a value that cannot be read, such as half a surrogate pair."""
    field, _, reason = fault.message.partition(": ")
    code = types.INVALID_PARAMS if field.startswith("params") else types.INVALID_REQUEST
    is_id = field == "id"
    return _RpcError(code, f"{field[:SHOWN]}: {reason}", request_id=None if is_id else request_id)


def _check_id(message: dict[str, Any]) -> str | int | None:
    """Return the id of a message, None if it has none. It is a string or an integer; only an error's may be null."""
    request_id = message.get("id")
    is_error_without_id = request_id is None and "error" in message and "method" not in message
    if "id" not in message or is_error_without_id:
        return None
    if not isinstance(request_id, str | int) or isinstance(request_id, bool):
        raise _RpcError(types.INVALID_REQUEST, "The `id` of a request must be a string or an integer.")
    return request_id


def _check_request(message: dict[str, Any], request_id: str | int | None) -> None:
    method = message["method"]
    if not isinstance(method, str):
        raise _RpcError(types.INVALID_REQUEST, "`method` must be a string.", request_id=request_id)
    if "id" not in message and not method.startswith("notifications/"):
        raise _RpcError(types.INVALID_REQUEST, "A request must have an `id`, a string or an integer.")
    params = message.get("params")
    if params is not None and not isinstance(params, dict):
        raise _RpcError(types.INVALID_PARAMS, "`params` must be an object.", request_id=request_id)
    params = cast("dict[str, Any]", params or {})
    for name in ("_meta", "arguments"):
        if params.get(name) is not None and not isinstance(params[name], dict):
            raise _RpcError(types.INVALID_PARAMS, f"`params.{name}` must be an object.", request_id=request_id)
    name = REQUIRED_TEXTS.get(method)
    if name is None and method == "initialize" and "protocolVersion" in params:
        name = "protocolVersion"  # without it, it is the call of a method that 2026-07-28 does not have
    if name is not None and not isinstance(params.get(name), str):
        raise _RpcError(types.INVALID_PARAMS, f"`params.{name}` must be a string.", request_id=request_id)


def _is_error(message: dict[str, Any]) -> bool:
    match message.get("error"):
        case {"code": int(), "message": str()}:
            return True
        case _:
            return False


def _check_version(message: dict[str, Any], version: str | None, request_id: str | int | None) -> None:
    """Check the version that the header names. If the message names another one, the SDK says that they differ."""
    if version is None or version in KNOWN_PROTOCOL_VERSIONS:
        return
    params: dict[str, Any] = message.get("params") or {}
    meta: dict[str, Any] = params.get("_meta") or {}
    if meta.get(PROTOCOL_VERSION_META_KEY, version) == version:
        # A message that names a version is of the newer era, which has `server/discover`: that lists the same versions.
        is_modern = PROTOCOL_VERSION_META_KEY in meta
        supported = list(MODERN_PROTOCOL_VERSIONS if is_modern else KNOWN_PROTOCOL_VERSIONS)
        text = f"This server does not speak the protocol version {version[:SHOWN]!r}; it speaks {', '.join(supported)}."
        data = {"supported": supported, "requested": version[:SHOWN]}
        raise _RpcError(UNSUPPORTED_VERSION, text, request_id=request_id, data=data)


class _EventSender:
    """Sends a JSON answer as the one event of a stream, for a client that accepts nothing else."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = Headers(raw=message["headers"])
            if headers.get("content-type", "").startswith("application/json"):
                self._start = message
                return
        elif self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            message = {**message, "body": b"event: message\r\ndata: " + self._body + b"\r\n\r\n"}
            kept = [
                header for header in self._start["headers"] if header[0] not in {b"content-type", b"content-length"}
            ]
            length = str(len(message["body"])).encode()
            headers = [*kept, (b"content-type", b"text/event-stream"), (b"content-length", length)]
            await self._send({**self._start, "headers": headers})
        await self._send(message)
