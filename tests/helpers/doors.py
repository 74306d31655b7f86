"""Both doors, spoken to by hand: what a client sends that has no mind to be well-behaved."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from tools import catalog

LEGACY, MODERN = "2025-06-18", "2026-07-28"
ERAS = pytest.mark.parametrize("era", [LEGACY, MODERN])


@dataclass
class Answer:
    """The answer of a door: `error` is None, or the code; `text` is what the model reads."""

    status: int
    error: str | None
    text: str
    body: dict[str, Any]


async def send_rpc(person, method, params=None, *, era=MODERN, path="/mcp", headers=None):
    """One JSON-RPC request, as a client of an era sends it; the HTTP response."""
    params = dict(params or {})
    sent = {"accept": "application/json, text/event-stream", "mcp-protocol-version": era} | (headers or {})
    if era == MODERN:
        sent["mcp-method"] = method
        if isinstance(name := params.get("name") or params.get("uri"), str):
            sent["mcp-name"] = name
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": era,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
        }
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return await person.http.post(path, json=request, headers=sent)


async def call_tool(person, name, arguments, *, era=MODERN, **how) -> Answer:
    """Call a tool by hand."""
    response = await send_rpc(person, "tools/call", {"name": name, "arguments": arguments}, era=era, **how)
    body = response.json()
    result = body.get("result")
    if result is None:
        return Answer(response.status_code, str(body["error"]), str(body.get("message")), body)
    text = result["content"][0]["text"]
    error = text.partition(":")[0] if result.get("isError") else None
    return Answer(response.status_code, error, text, result.get("structuredContent", {}))


async def call_rest(person, name, arguments, *, route=0, headers=None, query=None) -> Answer:
    """Call the REST mirror of a tool; what a route takes in its path is taken from the arguments."""
    method, path = catalog.CANONICAL[name].routes[route]
    left = dict(arguments)
    for part in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{part}}}", str(left.pop(part)))
    how: dict[str, Any] = {"json": left, "params": query} if method in {"POST", "PUT", "PATCH"} else {"params": left}
    response = await person.http.request(method, path, headers=headers, **how)
    return read_answer(response)


def read_answer(response) -> Answer:
    """A REST answer; a refusal has a code, a sentence and Memento's envelope."""
    body = response.json()
    if response.is_success:
        return Answer(response.status_code, None, str(body.get("content")), body)
    assert set(body) >= {"error", "message", "content"}, body
    assert body["content"] == [{"type": "text", "text": body["message"]}]
    return Answer(response.status_code, body["error"], body["message"], body)


def read_shown_text(response):
    """The text that Memento's client shows: the first block of the envelope, and there is no other."""
    (block,) = response.json()["content"]
    assert block["type"] == "text"
    return block["text"]


async def check_refusal(person, name, arguments, *, status=400, code="invalid", says="") -> None:
    """Both doors, in both eras, refuse these arguments with one code and one sentence."""
    over_rest = await call_rest(person, name, arguments)
    assert (over_rest.status, over_rest.error) == (status, code), (arguments, over_rest)
    assert says in over_rest.text, over_rest.text
    for era in (LEGACY, MODERN):
        over_mcp = await call_tool(person, name, arguments, era=era)
        assert (over_mcp.status, over_mcp.error) == (200, code), (arguments, over_mcp)
        assert over_mcp.text == f"{code}: {over_rest.text}"


async def read_totals(person) -> dict[str, int]:
    """Return the numbers of a person's memories in the default workspace, of workspaces and of keys."""
    memories = (await person.http.get("/v1/memories", params={"status": "all"})).json()["total"]
    workspaces = len((await person.http.get("/v1/workspaces")).json()["workspaces"])
    keys = len((await person.http.get("/v1/keys")).json()["keys"])
    return {"memories": memories, "workspaces": workspaces, "keys": keys}


def drop_nulls(value, *, keep=("metadata",)):
    """An answer as MCP gives it: null fields are left out, but what a person stored stays as it is."""
    if isinstance(value, dict):
        return {k: v if k in keep else drop_nulls(v) for k, v in value.items() if v is not None}
    return [drop_nulls(each) for each in value] if isinstance(value, list) else value
