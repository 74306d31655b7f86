"""The tokens that each list of tools costs a client, as its model sees them: name, description and schema.

A token is taken for four characters. The tokenizer of a model would say a little less: 4.3 characters of these lists.
The lists are those of a real server, asked over `/mcp` with a key that may write.
"""

import json
from http import HTTPStatus
from typing import Any

from helpers.client import make_mcp_call
from helpers.common import Client, Figure, Site, make_temporary_folder

CHARACTERS_A_TOKEN = 4
#: The most tokens of the list that a client gets if its URL names none.
TARGET = 2000
PATHS = {
    "default list": "/mcp",
    "toolset=all": "/mcp?toolset=all",
    "toolset=memento": "/mcp?toolset=memento",
    "toolset=min-memory": "/mcp?toolset=min-memory",
    "recall link": "/v1/mcp",
}


def measure(*, quick: bool) -> list[Figure]:
    del quick  # there is one size
    with make_temporary_folder() as folder:
        site = Site(folder / "data", model="none")
        with site.serving(), site.client() as client:
            return [_count(client, name, path) for name, path in PATHS.items()]


def _count(client: Client, name: str, path: str) -> Figure:
    tools = _list_tools(client, path)
    tokens = sum(map(count_tokens, tools))
    is_default = path == "/mcp"
    largest = max(tools, key=count_tokens)
    return Figure(
        f"tokens of the tools, {name}",
        f"{tokens:,}",
        f"{len(tools)} tools",
        f"largest: {largest['name']}, {count_tokens(largest):,}",
        f"≤ {TARGET:,}" if is_default else "",
        tokens <= TARGET if is_default else None,
    )


def count_tokens(tool: dict[str, Any]) -> int:
    """Return the tokens of one tool as a model sees it."""
    seen = {"name": tool["name"], "description": tool["description"], "parameters": tool["inputSchema"]}
    return round(len(json.dumps(seen, ensure_ascii=False)) / CHARACTERS_A_TOKEN)


def _list_tools(client: Client, path: str) -> list[dict[str, Any]]:
    body, headers = make_mcp_call("", {})
    message = json.loads(body)
    message["method"] = headers["mcp-method"] = "tools/list"
    message["params"] = {"_meta": message["params"]["_meta"]}
    del headers["mcp-name"]
    status, answer = client.send_raw("POST", path, json.dumps(message).encode(), headers)
    if status != HTTPStatus.OK:
        raise RuntimeError(f"{path} answers {status}: {answer[:500]!r}")
    return json.loads(answer)["result"]["tools"]
