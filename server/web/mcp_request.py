"""Requests to the MCP servers: they are read here, before the SDK sees them."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def read_first(app: ASGIApp) -> ASGIApp:
    """Return the SDK's application behind a layer that reads the whole body.

    The SDK would log a client that goes away as an error, with a traceback.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return parts.pop() if parts else await receive()

        await app(scope, replay, send)

    return serve
