"""Messages that are no JSON-RPC, and clients that name other types than JSON: an answer, or one plain sentence."""

import json

import pytest
from hypothesis import strategies as st

from tests.helpers.any_json import anything, list_examples
from tests.helpers.doors import LEGACY, MODERN

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
VERSIONS = pytest.mark.parametrize("version", [None, "2025-03-26", LEGACY, MODERN])


async def post(person, message, version=LEGACY, path="/mcp", **headers):
    headers = JSON | ({} if version is None else {"mcp-protocol-version": version}) | headers
    content = message if isinstance(message, bytes) else json.dumps(message).encode()
    return await person.http.post(path, content=content, headers=headers)


def check_refusal(response, code, says=""):
    """A refusal is 400 with a code of the specification and one sentence about the message."""
    assert response.status_code == 400, response.text
    body = response.json()
    assert (body["jsonrpc"], body["error"]["code"]) == ("2.0", code), body
    message = body["error"]["message"]
    assert says in message
    assert len(message) < 200
    assert "\n" not in message
    assert not any(word in message.lower() for word in ("validation", "pydantic", "input should", "envelope", "column"))
    return body


BROKEN = {
    "a batch": ([LIST], -32600, "batch"),
    "an empty batch": ([], -32600, "batch"),
    "a number": (5, -32600, "an object"),
    "null": (None, -32600, "an object"),
    "no object": ("x", -32600, "an object"),
    "no JSON": (b"{", -32700, "not valid JSON"),
    "nothing": (b"", -32700, "not valid JSON"),
    "no UTF-8": (b'{"id": "\xff"}', -32700, "not valid JSON"),
    "half a surrogate pair in an argument": (
        LIST | {"method": "tools/call", "params": {"name": "store_memory", "arguments": {"content": "a\ud800b"}}},
        -32602,
        "params.arguments.content: has half a surrogate pair; send whole characters.",
    ),
    "half a surrogate pair in a name": (LIST | {"params": {"\udc00": 1}}, -32600, "half a surrogate pair"),
    "half a surrogate pair in the method": (LIST | {"method": "\ud83d"}, -32600, "method: has half a surrogate pair"),
    "half a surrogate pair in the id": (LIST | {"id": "\udfff"}, -32600, "id: has half a surrogate pair"),
    "a long number": (
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": ' + b"9" * 5000 + b"}}",
        -32602,
        "params.x: is a number of more than 308 digits",
    ),
    "a deep list": (
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": ' + b"[" * 300 + b"]" * 300 + b"}}",
        -32602,
        "params: is nested more than 64 deep",
    ),
    "a very deep list": (b"[" * 90_000 + b"]" * 90_000, -32700, "nested too deep"),
    "no version of JSON-RPC": ({"id": 1, "method": "ping"}, -32600, "`jsonrpc`"),
    "JSON-RPC 1.0": (LIST | {"jsonrpc": "1.0"}, -32600, "`jsonrpc`"),
    "a number for 2.0": (LIST | {"jsonrpc": 2.0}, -32600, "`jsonrpc`"),
    "no method": ({"jsonrpc": "2.0", "id": 1}, -32600, "`method`"),
    "a method that is no text": (LIST | {"method": 5}, -32600, "`method`"),
    "params that are a list": (LIST | {"params": []}, -32602, "`params`"),
    "params that are text": (LIST | {"params": "x"}, -32602, "`params`"),
    "meta that is no object": (LIST | {"params": {"_meta": 5}}, -32602, "`params._meta`"),
    "a tool without a name": (LIST | {"method": "tools/call", "params": {"arguments": {}}}, -32602, "`params.name`"),
    "a tool whose name is a number": (LIST | {"method": "tools/call", "params": {"name": 5}}, -32602, "`params.name`"),
    "arguments that are text": (
        LIST | {"method": "tools/call", "params": {"name": "fetch", "arguments": "{}"}},
        -32602,
        "`params.arguments`",
    ),
    "a prompt without a name": (LIST | {"method": "prompts/get"}, -32602, "`params.name`"),
    "a resource without a URI": (LIST | {"method": "resources/read", "params": None}, -32602, "`params.uri`"),
    "a protocol version that is a number": (
        LIST | {"method": "initialize", "params": {"protocolVersion": 5}},
        -32602,
        "`params.protocolVersion`",
    ),
    "a request without an id": ({"jsonrpc": "2.0", "method": "tools/list"}, -32600, "`id`"),
    "a response to nothing": ({"jsonrpc": "2.0", "id": 1, "result": 5}, -32600, "`method`"),
}


@VERSIONS
@pytest.mark.parametrize(("message", "code", "says"), BROKEN.values(), ids=BROKEN)
async def test_a_message_that_is_none_gets_the_code_of_the_specification_and_a_sentence(
    cat, message, code, says, version
):
    for path in ("/mcp", "/v1/mcp"):
        check_refusal(await post(cat, message, version, path), code, says)


async def test_whoever_sends_half_a_surrogate_pair_is_told_for_which_request(cat):
    sent = LIST | {"params": {"arguments": {"tags": ["a", "\ud800"]}}}
    body = check_refusal(await post(cat, sent), -32602, "params.arguments.tags.1: has half a surrogate pair")
    assert body["id"] == 1


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/json-rpc", "application/jsonl", "x"])
async def test_a_message_of_another_media_type_is_refused_in_the_same_form(cat, media_type):
    check_refusal(await post(cat, LIST, **{"content-type": media_type}), -32600, "Content-Type")


@VERSIONS
async def test_an_odd_id_is_refused_and_never_passed_over(cat, version):
    odd = anything.filter(lambda each: not isinstance(each, str | int) or isinstance(each, bool))
    methods = st.sampled_from(["tools/list", "tools/call", "ping", "initialize", "notifications/initialized", "x", ""])
    params = st.none() | st.dictionaries(st.sampled_from(["name", "arguments", "_meta"]), anything, max_size=2)
    for request_id, method, given in list_examples(st.tuples(odd, methods, params)):
        message = {"jsonrpc": "2.0", "id": request_id, "method": method} | ({} if given is None else {"params": given})
        content = json.dumps(message, ensure_ascii=True).encode()
        response = await post(cat, content, version)
        # some of these are no JSON: half a surrogate pair, or NaN
        assert response.status_code == 400, message
        assert response.json()["error"]["code"] in {-32600, -32602, -32700}, message
    for request_id in (1.5, 1.0, None, True, [], {}):
        check_refusal(await post(cat, LIST | {"id": request_id}, version), -32600, "`id`")


@VERSIONS
@pytest.mark.parametrize("request_id", [0, -1, 2**60, "", "x", "é", "1.5"])
async def test_an_id_that_is_a_string_or_an_integer_comes_back_as_it_is(cat, version, request_id):
    message = LIST | {"id": request_id}
    headers = {}
    if version == MODERN:
        meta = {"protocolVersion": MODERN, "clientCapabilities": {}}
        message["params"] = {"_meta": {f"io.modelcontextprotocol/{name}": value for name, value in meta.items()}}
        headers["mcp-method"] = "tools/list"
    body = (await post(cat, message, version, **headers)).json()
    assert body["id"] == request_id
    assert type(body["id"]) is type(request_id)
    assert body["result"]["tools"]


@VERSIONS
async def test_any_json_is_answered_and_never_an_error_of_ours(cat, version):
    keys = st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error", "x"])
    plausible = st.sampled_from(["2.0", 1, "tools/list", "ping", "initialize", {}, {"_meta": {}}, {"name": "fetch"}])
    for message in list_examples(st.dictionaries(keys, plausible | anything, max_size=5).map(dict) | anything):
        response = await post(cat, json.dumps(message).encode(), version)
        assert response.status_code < 500, message
        if response.status_code == 202:
            assert "id" not in message or "method" not in message, message
        elif "error" in (body := response.json()):
            assert "validation error" not in body["error"]["message"], message


@pytest.mark.parametrize("version", ["2023-01-01", "2099-12-31", "x", "", "2025-06-18, 2025-06-18", "DRAFT-2026-v1"])
async def test_an_unknown_protocol_version_is_told_the_known_ones(cat, version):
    body = check_refusal(await post(cat, LIST, version), -32022, "does not speak the protocol version")
    assert body["id"] == 1
    assert body["error"]["data"]["requested"] == version
    assert set(body["error"]["data"]["supported"]) >= {"2025-03-26", LEGACY, "2025-11-25", MODERN}


async def test_a_notification_is_taken(cat):
    for version in ("2025-03-26", LEGACY, MODERN):
        response = await post(cat, {"jsonrpc": "2.0", "method": "notifications/initialized"}, version)
        assert (response.status_code, response.content) == (202, b"")


ACCEPTED = [
    None,
    "",
    "*/*",
    "application/json",
    "application/*",
    "text/event-stream, application/json;q=0.9",
    "text/html",
]
EVENTS = ["text/event-stream", "text/*", "Text/Event-Stream; charset=utf-8"]


@pytest.mark.parametrize("accept", [*ACCEPTED, *EVENTS])
@pytest.mark.parametrize("version", [None, LEGACY, MODERN])
async def test_every_client_gets_an_answer_that_it_can_read(cat, accept, version):
    headers = {"content-type": "application/json"} | ({} if accept is None else {"accept": accept})
    params = {"name": "list_workspaces", "arguments": {}}
    if version is not None:
        headers["mcp-protocol-version"] = version
    if version == MODERN:
        headers |= {"mcp-method": "tools/call", "mcp-name": "list_workspaces"}
        meta = {"protocolVersion": MODERN, "clientCapabilities": {}}
        params["_meta"] = {f"io.modelcontextprotocol/{name}": value for name, value in meta.items()}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    request = cat.http.build_request("POST", "/mcp", json=message)
    for name in ("accept", "content-type"):
        del request.headers[name]
    request.headers.update(headers)
    response = await cat.http.send(request)
    assert response.status_code == 200
    text = response.text
    if accept in EVENTS:
        assert response.headers["content-type"].startswith("text/event-stream")
        first, data, *end = text.split("\r\n")
        assert (first, end) == ("event: message", ["", ""])
        text = data.removeprefix("data: ")
    else:
        assert response.headers["content-type"] == "application/json"
    answer = json.loads(text)
    assert answer["id"] == 7
    assert answer["result"]["structuredContent"]["workspaces"] == []
