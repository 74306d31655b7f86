"""A double of Anthropic's Messages API on loopback: it answers from a script, and keeps every request.

usage: anthropic_messages.py PORT LOG

A prompt that holds `DO {json}` is answered with these tool calls, one after another: a list of `{"name", "input"}`. Any
other request is answered with a short text. LOG gets a line of JSON for each request that has tools.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: The tool calls that a prompt asks for.
ASKED = re.compile(r"DO (\[.*?\])\s*END", re.DOTALL)
SAID = "I did what you asked."


def answer_request(request: dict[str, Any]) -> dict[str, Any]:
    """Return the block that answers a request: the next tool call of the last prompt, or a text."""
    done = 0
    for message in reversed(request.get("messages", [])):
        content = message["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if message["role"] == "user":
            done += sum(block["type"] == "tool_result" for block in blocks)
            texts = "\n".join(block.get("text", "") for block in blocks if block["type"] == "text")
            if (asked := ASKED.search(texts)) is not None:
                calls = json.loads(asked[1])
                if done < len(calls):
                    return {"type": "tool_use", "id": f"toolu_{len(request['messages']):04}", **calls[done]}
                break
            if texts.strip() and not done:
                break
    return {"type": "text", "text": SAID}


def list_stream(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a message as the events of a stream."""
    block = message["content"][0]
    if block["type"] == "tool_use":
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        empty: dict[str, Any] = {**block, "input": {}}
    else:
        delta = {"type": "text_delta", "text": block["text"]}
        empty = {"type": "text", "text": ""}
    return [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"]}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    log_to: Path

    def log_message(self, *_args: object) -> None:
        return

    def _send(self, body: bytes, media_type: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._send(b'{"data": [], "has_more": false}')

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        request: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if "count_tokens" in self.path:
            self._send(b'{"input_tokens": 1}')
            return
        block: dict[str, Any] = {"type": "text", "text": "ok"}
        if request.get("tools"):
            with self.log_to.open("a") as log:
                log.write(json.dumps(request) + "\n")
            block = answer_request(request)
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": request.get("model", "double"),
            "content": [block],
            "stop_reason": "tool_use" if block["type"] == "tool_use" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        if not request.get("stream"):
            self._send(json.dumps(message).encode())
            return
        events = (f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in list_stream(message))
        self._send("".join(events).encode(), "text/event-stream")


if __name__ == "__main__":
    Handler.log_to = Path(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
