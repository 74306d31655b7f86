"""A double of OpenAI's Responses API on loopback: it answers from a script, and keeps every request.

usage: openai_responses.py PORT LOG

A prompt that holds `DO [...] END` is answered with these tool calls, one after another: a JSON list of
`{"name", "arguments"}`. Any other request is answered with a short text. LOG gets a line of JSON for each request.
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
    """Return the item that answers a request: the next tool call of the last prompt, or a text."""
    done = 0
    for item in reversed(request.get("input", [])):
        done += item.get("type") == "function_call_output"
        texts = "\n".join(part.get("text", "") for part in item.get("content", []) if isinstance(part, dict))
        if item.get("role") == "user" and (asked := ASKED.search(texts)) is not None:
            calls = json.loads(asked[1])
            if done < len(calls):
                arguments = json.dumps(calls[done]["arguments"])
                return {
                    "type": "function_call",
                    "id": f"fc_{done}",
                    "call_id": f"call_{len(request['input'])}",
                    "name": calls[done]["name"],
                    "arguments": arguments,
                    "status": "completed",
                }
            break
    content = [{"type": "output_text", "text": SAID, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def list_stream(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an item as the events of a stream."""
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2, **details}
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "double", "usage": usage}
    begun = {**response, "status": "in_progress", "output": []}
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {**response, "status": "completed", "output": [item]}},
    ]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    log_to: Path

    def log_message(self, *_args: object) -> None:
        return

    def _send(self, body: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._send(b'{"object": "list", "data": [], "models": []}', "application/json")

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)))
        with self.log_to.open("a") as log:
            log.write(json.dumps(request, ensure_ascii=False) + "\n")
        events = list_stream(answer_request(request))
        stream = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
        self._send(stream.encode(), "text/event-stream")


if __name__ == "__main__":
    Handler.log_to = Path(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
