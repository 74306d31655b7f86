"""Both doors, spoken to by hand: what a client sends that has no mind to be well-behaved."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from tools import catalog

LEGACY, MODERN = "2025-06-18", "2026-07-28"
ERAS = pytest.mark.parametrize("era", [LEGACY, MODERN])

#: Arguments that are accepted, for each operation that needs some; {id} stands for an id that nothing has.
NOBODY = "01980000-0000-7000-8000-000000000000"
VALID: dict[str, dict[str, Any]] = {
    "search": {"query": "tea"},
    "recall_by_words": {"query": "tea"},
    "recall_memories": {"query": "tea"},
    "explain_recall": {"message": "tea", "memory_id": NOBODY},
    "store_memory": {"content": "Tea"},
    "ingest_memories": {"memories": [{"content": "Tea"}]},
    "fetch": {"id": NOBODY},
    "update_memory": {"id": NOBODY, "content": "Coffee"},
    "delete_memory": {"id": NOBODY},
    "link_memories": {"id": NOBODY, "linkages": [{"type": "file", "path": "a.md"}]},
    "memory_graph": {"id": NOBODY},
    "related_memories": {"id": NOBODY},
    "consolidate_group": {"source_ids": [NOBODY, NOBODY[:-1] + "1"]},
    "undo_consolidation": {"run": NOBODY},
    "set_setting": {"key": "recall_alpha", "value": 0.7},
    "reset_setting": {"key": "recall_alpha"},
    "add_golden": {"query": "tea?", "text": "Tea"},
    "delete_golden": {"id": NOBODY},
    "read_section": {"section": "active_work"},
    "update_working_memory": {"section": "active_work", "content": "Tea"},
    "add_item": {"category": "active_work", "title": "Tea"},
    "read_item": {"id": NOBODY},
    "update_item": {"id": NOBODY, "title": "Coffee"},
    "delete_item": {"id": NOBODY},
    "add_skip": {"item": "tea", "reason": "cold", "expires": "2099-01-01"},
    "check_skip": {"query": "tea"},
    "remove_skip": {"id": NOBODY},
    "update_identity": {"crystal": "I am"},
    "delete_workspace": {"id": NOBODY},
    "revoke_key": {"id": NOBODY},
    "set_plan": {"plan": None},
}


@dataclass
class Answer:
    """What a door answered: `error` is None, or the code; `text` is what the model reads."""

    status: int
    error: str | None
    text: str
    body: dict[str, Any]


async def rpc(person, method, params=None, *, era=MODERN, path="/mcp", headers=None):
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


async def tool(person, name, arguments, *, era=MODERN, **how) -> Answer:
    """Call a tool by hand."""
    response = await rpc(person, "tools/call", {"name": name, "arguments": arguments}, era=era, **how)
    body = response.json()
    result = body.get("result")
    if result is None:
        return Answer(response.status_code, str(body["error"]), str(body.get("message")), body)
    text = result["content"][0]["text"]
    error = text.partition(":")[0] if result.get("isError") else None
    return Answer(response.status_code, error, text, result.get("structuredContent", {}))


async def rest(person, name, arguments, *, route=0, headers=None, query=None) -> Answer:
    """Call the REST mirror of a tool; what a route takes in its path is taken from the arguments."""
    method, path = catalog.CANONICAL[name].routes[route]
    left = dict(arguments)
    for part in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{part}}}", str(left.pop(part)))
    how: dict[str, Any] = {"json": left, "params": query} if method in {"POST", "PUT", "PATCH"} else {"params": left}
    response = await person.http.request(method, path, headers=headers, **how)
    return seen(response)


def seen(response) -> Answer:
    """A REST answer; a refusal has a code, a sentence and Memento's envelope."""
    body = response.json()
    if response.is_success:
        return Answer(response.status_code, None, str(body.get("content")), body)
    assert set(body) >= {"error", "message", "content"}, body
    assert body["content"] == [{"type": "text", "text": body["message"]}]
    return Answer(response.status_code, body["error"], body["message"], body)


def spoken(response):
    """The text that Memento's client shows: the first block of the envelope, and there is no other."""
    (block,) = response.json()["content"]
    assert block["type"] == "text"
    return block["text"]


async def refused(person, name, arguments, *, status=400, code="invalid", says="") -> None:
    """Both doors, in both eras, refuse these arguments with one code and one sentence."""
    over_rest = await rest(person, name, arguments)
    assert (over_rest.status, over_rest.error) == (status, code), (arguments, over_rest)
    assert says in over_rest.text, over_rest.text
    for era in (LEGACY, MODERN):
        over_mcp = await tool(person, name, arguments, era=era)
        assert (over_mcp.status, over_mcp.error) == (200, code), (arguments, over_mcp)
        assert over_mcp.text == f"{code}: {over_rest.text}"


async def kept(person) -> dict[str, int]:
    """How much a person has: memories in their default workspace, workspaces and keys."""
    memories = (await person.http.get("/v1/memories", params={"status": "all"})).json()["total"]
    workspaces = len((await person.http.get("/v1/workspaces")).json()["workspaces"])
    keys = len((await person.http.get("/v1/keys")).json()["keys"])
    return {"memories": memories, "workspaces": workspaces, "keys": keys}


def without_nulls(value, *, keep=("metadata",)):
    """An answer as MCP gives it: null fields are left out, but what a person stored stays as it is."""
    if isinstance(value, dict):
        return {k: v if k in keep else without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value
