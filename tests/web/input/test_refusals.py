"""Requests that are refused before any argument is looked at, and text that cannot be stored: never a 500."""

import asyncio
import json

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import ERAS, LEGACY, MODERN, call_tool, check_refusal, read_answer, read_totals, send_rpc

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
NESTED = b'{"a":' * 900 + b"1" + b"}" * 900
BODIES = {
    "malformed": b'{"content": "x"',
    "two values": b'{"content": "x"} {}',
    "an array": b'[{"content": "x"}]',
    "a string": b'"x"',
    "null": b"null",
    "NaN": b'{"content": "x", "metadata": {"a": NaN}}',
    "Infinity": b'{"content": "x", "metadata": {"a": -Infinity}}',
    "a number beyond all numbers": b'{"content": "x", "metadata": {"a": 1e400}}',
    "a number of 5000 digits": b'{"content": "x", "metadata": {"a": ' + b"9" * 5000 + b"}}",
    "nested 900 deep": b'{"content": "x", "metadata": ' + NESTED + b"}",
    "nested 100000 deep": b'{"content": ' + b"[" * 100_000 + b"}",
    "no UTF-8": b'{"content": "\xff"}',
    "half a surrogate pair": b'{"content": "\\ud800"}',
    "half a surrogate pair as a key": b'{"content": "x", "metadata": {"\\udfff": 1}}',
    "NUL": b'{"content": "a\\u0000b"}',
    "NUL in a tag": b'{"content": "x", "tags": ["a\\u0000"]}',
    "NUL in a nested key": b'{"content": "x", "metadata": {"deep": [{"a\\u0000": 1}]}}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_that_is_no_memory_is_refused_and_nothing_is_stored(cat, body):
    answer = read_answer(await cat.http.post("/v1/memories", content=body, headers=JSON))
    assert (answer.status, answer.error) in {(400, "malformed"), (400, "invalid")}
    assert "Python" not in answer.text
    assert "sys." not in answer.text
    assert await read_totals(cat) == {"memories": 0, "workspaces": 0, "keys": 1}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_such_a_body_as_arguments_is_refused_over_mcp_too(cat, body):
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"store_memory","arguments":' + body + b"}}"
    response = await cat.http.post("/mcp", content=call, headers=JSON | {"mcp-protocol-version": LEGACY})
    answer = response.json()
    assert response.status_code in {200, 400}
    assert "error" in answer or answer["result"]["isError"]
    assert await read_totals(cat) == {"memories": 0, "workspaces": 0, "keys": 1}


async def test_json_may_be_nested_64_deep_and_comes_back_whole(cat):
    deep = 1
    for _ in range(63):
        deep = [deep]
    stored = await cat.store("x", metadata={"deep": deep})
    assert (await cat.call("fetch", {"id": stored}))["metadata"] == {"deep": deep}
    says = "metadata: is nested more than 64 deep"
    await check_refusal(cat, "store_memory", {"content": "x", "metadata": {"deep": [[deep]]}}, says=says)


async def test_of_a_key_that_is_there_twice_the_last_one_counts_at_both_doors(cat):
    body = b'{"content": "first", "content": "last"}'
    stored = (await cat.http.post("/v1/memories", content=body, headers=JSON)).json()
    assert stored["memory"]["content"] == "last"
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"store_memory","arguments":' + body + b"}}"
    over_mcp = (await cat.http.post("/mcp", content=call, headers=JSON | {"mcp-protocol-version": LEGACY})).json()
    assert over_mcp["result"]["structuredContent"]["memory"]["content"] == "last"


@pytest.mark.parametrize("value", ["a\x00b", "\x00"])
async def test_nul_is_refused_wherever_text_goes(cat, value):
    says = "must not contain the NUL character"
    memory_id = await cat.store("x")
    await check_refusal(cat, "store_memory", {"content": "x", "workspace": value}, says=says)
    await check_refusal(cat, "store_memory", {"content": "x", "metadata": {"k": [value]}}, says=says)
    await check_refusal(cat, "update_memory", {"id": memory_id, "type": value}, says=says)
    await check_refusal(cat, "search", {"query": value}, says=says)
    await check_refusal(cat, "list_memories", {"tags": value}, says=says)
    await check_refusal(cat, "recent", {"workspace": value}, says=says)
    over_rest = read_answer(await cat.http.get("/v1/memories/a%00b"))
    assert (over_rest.status, over_rest.text) == (400, "id: must not contain the NUL character.")
    assert (await call_tool(cat, "fetch", {"id": value})).error == "invalid"


@pytest.mark.parametrize("workspace", ["a%00b", "a%2Fb%2Fc", "a%20%2F", "x" * 202, "a%0Ab"])
@pytest.mark.parametrize("path", ["/v1/memories", "/v1/memories/ingest", "/v1/context", "/mcp"])
async def test_a_connection_url_with_a_workspace_that_cannot_be_is_refused(cat, workspace, path):
    url = f"{path}?workspace={workspace}"
    if path == "/mcp":
        answer = await call_tool(cat, "store_memory", {"content": "x"}, path=url)
        assert answer.error == "invalid"
    else:
        body = {"memories": [{"content": "x"}]} if path.endswith("ingest") else {"content": "x"}
        answer = read_answer(await cat.http.post(url, json={} if path.endswith("context") else body))
        assert (answer.status, answer.body["field"]) == (400, "workspace")
    assert await read_totals(cat) == {"memories": 0, "workspaces": 0, "keys": 1}


@pytest.mark.parametrize("workspace", ["", "%20", "%0A"])
async def test_a_connection_url_with_a_blank_workspace_names_none(cat, workspace):
    answer = read_answer(await cat.http.post(f"/v1/memories?workspace={workspace}", json={"content": "x"}))
    assert (answer.status, answer.body["meta"]["workspace"]) == (201, "default")
    over_mcp = await call_tool(cat, "store_memory", {"content": "x"}, path=f"/mcp?workspace={workspace}")
    assert over_mcp.body["meta"]["workspace"] == "default"


async def test_a_workspace_header_is_held_to_the_same_rules_and_read_as_utf_8(cat):
    answer = read_answer(await cat.http.get("/v1/memories", headers={"x-memento-workspace": "a/b/c"}))
    assert (answer.status, answer.body["field"]) == (400, "workspace")
    header = {"x-memento-workspace": "Café".encode()}
    stored = (await cat.http.post("/v1/memories", json={"content": "x"}, headers=header)).json()
    assert stored["meta"]["workspace"] == "Café"
    assert (await call_tool(cat, "list_memories", {"workspace": "Café"})).body["total"] == 1


async def test_what_would_be_passed_over_is_refused(cat):
    memory_id = await cat.store("x")
    in_body = read_answer(await cat.http.request("DELETE", f"/v1/memories/{memory_id}", json={"erase": True}))
    assert (in_body.status, in_body.error) == (400, "malformed")
    assert "in the query, not in a body" in in_body.text
    in_query = read_answer(await cat.http.post("/v1/context?limit=1", json={"message": "x"}))
    assert in_query.text == "limit: POST takes its arguments in the body, not in the query."
    assert (await read_totals(cat))["memories"] == 1
    assert (await cat.http.request("DELETE", f"/v1/memories/{memory_id}", json={})).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_only_json_is_taken(cat, media_type):
    answer = read_answer(
        await cat.http.post("/v1/memories", content=b'{"content":"x"}', headers={"content-type": media_type})
    )
    assert (answer.status, answer.error) == (415, "unsupported_media_type")
    over_mcp = await cat.http.post("/mcp", content=b"{}", headers={"content-type": media_type})
    assert over_mcp.status_code == 400
    assert (await read_totals(cat))["memories"] == 0


async def test_json_with_parameters_is_json(cat):
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert (await cat.http.post("/v1/memories", content=b'{"content":"x"}', headers=headers)).status_code == 201


async def in_pieces(size):
    for _ in range(size // 65_536 + 1):
        yield b" " * 65_536


@pytest.mark.parametrize("path", ["/v1/memories", "/mcp"])
async def test_a_body_that_says_it_is_too_large_is_refused_unread(cat, path):
    answer = read_answer(await cat.http.post(path, content=b" " * (4 * 1024 * 1024 + 1), headers=JSON))
    assert (answer.status, answer.error) == (413, "too_large")


async def test_a_body_that_does_not_say_how_large_it_is_counted(cat):
    answer = read_answer(await cat.http.post("/v1/memories", content=in_pieces(5 << 20), headers=JSON))
    assert (answer.status, answer.error) == (413, "too_large")


async def test_such_a_body_is_counted_at_the_mcp_door_too(cat):
    answer = read_answer(await cat.http.post("/mcp", content=in_pieces(5 << 20), headers=JSON))
    assert (answer.status, answer.error) == (413, "too_large")


FORM = {"content-type": "application/x-www-form-urlencoded"}
#: The paths to which one may post without a login; the consent goes to /oauth/authorize.
FORMS = ["/oauth/token", "/oauth/revoke", "/oauth/authorize", "/login", "/logout", "/signup", "/setup"]
LIMITS = dict.fromkeys(FORMS, FORM) | dict.fromkeys(["/oauth/register", "/v1/auth/signup"], JSON)


@pytest.mark.parametrize(("path", "headers"), LIMITS.items(), ids=LIMITS)
@pytest.mark.parametrize("size", [70_000, 5 << 20])
async def test_a_body_too_large_is_413_everywhere(signup_site, path, headers, size):
    http = signup_site.client()
    for content in (b"a=" + b"a" * size, in_pieces(size)):
        assert (await http.post(path, content=content, headers=headers)).status_code == 413


async def test_a_body_of_the_largest_size_is_read(cat):
    body = json.dumps({"content": "x"}).encode().ljust(4 * 1024 * 1024)
    assert (await cat.http.post("/v1/memories", content=body, headers=JSON)).status_code == 201


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""])
@pytest.mark.parametrize("path", ["/mcp", "/v1/memories", "/", "/openapi.json", "/nope"])
async def test_another_host_is_told_the_right_url(cat, host, path):
    answer = read_answer(await cat.http.get(path, headers={"host": host}))
    assert (answer.status, answer.error) == (421, "wrong_host")
    assert cat.url in answer.text


async def test_a_probe_may_come_under_any_name(cat):
    assert (await cat.http.get("/healthz", headers={"host": "10.0.0.7"})).status_code == 200
    assert (await cat.http.get("/readyz", headers={"host": "10.0.0.7"})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:1"])
async def test_a_page_of_another_origin_is_refused(cat, origin):
    for path in ("/mcp", "/v1/memories"):
        answer = read_answer(await cat.http.post(path, json={"content": "x"}, headers={"origin": origin}))
        assert (answer.status, answer.error) == (403, "forbidden")
    assert (await read_totals(cat))["memories"] == 0


async def test_a_page_of_ours_may_ask(cat):
    assert (await cat.http.get("/v1/memories", headers={"origin": cat.url})).status_code == 200


@pytest.mark.parametrize("length", ["-1", "x", "²", "9" * 30, "4, 4"])
async def test_a_length_that_is_no_number_is_no_error_of_ours(cat, length):
    assert await _ask_with_length(cat, length) in {b"400", b"413"}


async def test_a_length_may_begin_with_thousands_of_zeros(cat):
    assert await _ask_with_length(cat, f"{2:05000}") == b"401"


async def _ask_with_length(person, length):
    """Send a body of two bytes without a bearer; the status of the answer."""
    host, port = person.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = ("POST /v1/memories HTTP/1.1", f"Host: {host}:{port}", f"Content-Length: {length}", "Connection: close")
    writer.write("\r\n".join((*head, "", "{}")).encode("latin-1"))
    status = (await reader.readline()).split()[1]
    writer.close()
    await writer.wait_closed()
    return status


@ERAS
async def test_a_tool_that_is_not_there_is_a_protocol_error(cat, era):
    response = await send_rpc(cat, "tools/call", {"name": "no_such_tool", "arguments": {}}, era=era)
    error = response.json()["error"]
    assert (error["code"], error["message"]) == (-32602, "Unknown tool: no_such_tool")
    assert response.status_code == (400 if era == MODERN else 200)


@ERAS
@pytest.mark.parametrize("method", ["no/such", "sampling/createMessage", "tasks/list"])
async def test_a_method_that_is_not_there_is_a_protocol_error(cat, era, method):
    response = await send_rpc(cat, method, era=era)
    assert response.json()["error"]["code"] == -32601
    assert response.status_code == (404 if era == MODERN else 200)


@ERAS
@pytest.mark.parametrize("arguments", [[], 5, "x", True])
async def test_arguments_that_are_no_object_are_a_protocol_error(cat, era, arguments):
    response = await send_rpc(cat, "tools/call", {"name": "fetch", "arguments": arguments}, era=era)
    assert response.json()["error"]["code"] == -32602


@pytest.mark.parametrize("bad", ["x", "deadbeef", NOBODY, NOBODY.upper(), "..", "é", "a b", "x" * 200])
async def test_an_id_that_nothing_has_is_not_found_whatever_it_looks_like(cat, bad):
    if bad != "..":
        answer = read_answer(await cat.http.get(f"/v1/memories/{bad}"))
        assert (answer.status, answer.text) == (404, f"Memory not found: {bad}.")
    for name in ("fetch", "delete_memory", "delete_workspace", "revoke_key"):
        assert (await call_tool(cat, name, {"id": bad})).error == "not_found"
    assert (await call_tool(cat, "update_memory", {"id": bad, "type": "fact"})).error == "not_found"


async def test_links_to_what_is_not_there_are_refused_and_make_nothing(cat, dan):
    foreign, gone = await dan.store("dan's"), await cat.store("gone")
    await cat.http.delete(f"/v1/memories/{gone}")
    for wanted in (NOBODY, foreign, gone, "x"):
        says = f"there is no memory {wanted!r} in this workspace to link to"
        link = {"content": "x", "linkages": [{"type": "memory", "id": wanted}]}
        await check_refusal(cat, "store_memory", link, says=says)
        await check_refusal(cat, "store_memory", {"content": "x", "related_to": [wanted]}, says=says)
        await check_refusal(
            cat, "ingest_memories", {"memories": [{"content": "y"}, link]}, says="memories.1.linkages: "
        )
        await check_refusal(cat, "store_memory", link | {"workspace": "another"}, says=says)
    assert await read_totals(cat) == {"memories": 0, "workspaces": 1, "keys": 1}


@pytest.mark.parametrize("link", [{"type": "memory"}, {"type": "file"}, {"type": "file", "id": NOBODY}, {"type": "x"}])
async def test_a_link_to_nothing_is_refused_on_every_way_in(cat, link):
    memory_id = await cat.store("x")
    await check_refusal(cat, "store_memory", {"content": "x", "linkages": [link]}, says="linkages")
    await check_refusal(cat, "update_memory", {"id": memory_id, "linkages": [link]}, says="linkages")
    assert (await cat.call("fetch", {"id": memory_id}))["linkages"] == []
