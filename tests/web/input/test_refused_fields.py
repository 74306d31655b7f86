"""Bad arguments: each is refused by both doors, by name and with what to send instead, and nothing is stored."""

import json

import pytest

from tests.helpers.arguments import NOBODY, VALID
from tests.helpers.doors import call_rest, call_tool, check_refusal, read_totals
from tools import catalog
from tools.core.fields import CONTENT_BYTES, METADATA_BYTES
from tools.core.schema import build_schema

pytestmark = pytest.mark.anyio

#: What is of no JSON type that a field of this type takes.
WRONG = {
    "string": [5, True, 1.5, {}],
    "integer": ["ten", 10.5, True, [], 10**400],
    "number": ["half", True, [], 10**400],
    "boolean": ["yes", 1, []],
    "array": [5, {}, True],
    "object": [5, "x", []],
}
ANY_JSON = {("record_event", "payload"), ("on_event", "tool_input"), ("on_event", "tool_response")}
#: Agents add fields to their hooks as they like: those that are unknown are ignored.
TAKES_UNKNOWN = {"on_event"}
WITH_BODY = {"POST", "PUT", "PATCH"}


def has_body(operation):
    return bool(operation.routes) and operation.routes[0][0] in WITH_BODY


def types_of(shape):
    return {each.get("type") for each in shape.get("anyOf", [shape])} - {"null", None}


@pytest.mark.parametrize("name", catalog.CANONICAL)
async def test_a_value_of_the_wrong_type_is_refused_for_every_field(admin, name):
    before = await read_totals(admin)
    operation = catalog.CANONICAL[name]
    for field, shape in build_schema(operation.args)["properties"].items():
        if (name, field) in ANY_JSON:
            continue
        for kind in types_of(shape) or {"string"}:
            for wrong in WRONG[kind]:
                arguments = VALID.get(name, {}) | {field: wrong}
                over_mcp = await call_tool(admin, name, arguments)
                assert over_mcp.error == "invalid", (arguments, over_mcp)
                assert over_mcp.text.startswith(f"invalid: {field}: "), over_mcp.text
                assert "Input should" not in over_mcp.text, "pydantic's words, not ours"
            # Both doors have one check of arguments: that REST reaches it is seen by one value of each kind.
            if has_body(operation) and f"{{{field}}}" not in operation.routes[0][1]:
                over_rest = await call_rest(admin, name, arguments)
                assert (over_rest.status, over_rest.error) == (400, "invalid"), (arguments, over_rest)
                assert over_rest.body["field"] == field
    assert await read_totals(admin) == before


@pytest.mark.parametrize("name", [name for name in catalog.CANONICAL if name not in TAKES_UNKNOWN])
async def test_an_unknown_field_is_refused_and_the_known_ones_are_named(admin, name):
    known = ", ".join(sorted(catalog.CANONICAL[name].args.model_fields))
    says = f"limmit: there is no such field; known ones are {known}."
    await check_refusal(admin, name, VALID.get(name, {}) | {"limmit": 3}, says=says)


async def test_an_unknown_field_inside_a_field_names_the_ones_known_there(cat):
    says = "linkages.0.url: there is no such field; known ones are id, label, path, type."
    await check_refusal(
        cat, "store_memory", {"content": "x", "linkages": [{"type": "file", "path": "a", "url": 1}]}, says=says
    )
    says = "memories.1.txt: there is no such field; known ones are author, content, "
    await check_refusal(cat, "ingest_memories", {"memories": [{"content": "x"}, {"content": "y", "txt": 1}]}, says=says)


@pytest.mark.parametrize("name", [name for name in catalog.CANONICAL if VALID.get(name)])
async def test_a_missing_field_is_refused_by_its_name(admin, name):
    for field in build_schema(catalog.CANONICAL[name].args).get("required", []):
        without = {key: value for key, value in VALID[name].items() if key != field}
        answer = await call_tool(admin, name, without)
        assert answer.text.startswith(f"invalid: {field}: is required."), answer.text


@pytest.mark.parametrize("content", ["", " ", "\n\t ", "\u00a0"])
async def test_empty_content_is_refused(cat, content):
    await check_refusal(cat, "store_memory", {"content": content}, says="content: must not be empty")
    await check_refusal(cat, "ingest_memories", {"memories": [{"content": content}]}, says="must not be empty")
    says = "content: must not be empty" if content else "No fields to update."
    await check_refusal(cat, "update_memory", {"id": NOBODY, "content": content}, says=says)
    assert (await read_totals(cat))["memories"] == 0


@pytest.mark.parametrize("letter", ["x", "é", "語", "🜂"])
async def test_content_is_bounded_in_bytes_of_utf_8(cat, letter):
    size = len(letter.encode())
    fits = letter * (CONTENT_BYTES // size) + "." * (CONTENT_BYTES % size)
    memory_id = await cat.store(fits)
    fetched = await cat.http.get(f"/v1/memories/{memory_id}")
    assert fetched.json()["content"] == fits
    await check_refusal(cat, "store_memory", {"content": fits + "."}, says=f"this is {CONTENT_BYTES + 1}. Split it")
    await check_refusal(cat, "update_memory", {"id": memory_id, "content": fits + "."}, says="at most 32768 bytes")
    assert (await read_totals(cat))["memories"] == 1


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (0, "limit: must be at least 1; you sent '0'"),
        (-1, "limit: must be at least 1"),
        (10**9, "limit: must be at most 100"),
        (10.5, "limit: must be a whole number"),
        ("ten", "limit: must be a whole number"),
        ("1e1", "limit: must be a whole number"),
        ("null", "limit: the word 'null' stands for no value; leave the argument out"),
    ],
)
@pytest.mark.parametrize("name", ["list_memories", "recent", "search", "retrieve_context"])
async def test_a_limit_that_makes_no_sense_is_refused(cat, name, limit, says):
    await check_refusal(cat, name, VALID.get(name, {}) | {"limit": limit}, says=says)


@pytest.mark.parametrize("offset", [-1, 10**9, "x"])
async def test_an_offset_that_makes_no_sense_is_refused(cat, offset):
    await check_refusal(cat, "list_memories", {"offset": offset}, says="offset: must be ")


@pytest.mark.parametrize("when", ["next week", "tomorrow", "10000-01-01", "2026-13-01", "2026-02-30", "-", "12:30"])
@pytest.mark.parametrize("field", ["expires", "expires_at", "occurred_at"])
async def test_a_date_in_words_or_beyond_the_calendar_is_refused(cat, field, when):
    says = f"{field}: must be a date or date-time in ISO 8601, like 2026-11-21"
    await check_refusal(cat, "store_memory", {"content": "x", field: when}, says=says)


@pytest.mark.parametrize("when", ["0001-01-01", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+14:00"])
async def test_a_date_at_the_edge_of_time_is_refused(cat, when):
    says = "must lie between 0001-01-02 and 9999-12-30"
    await check_refusal(cat, "store_memory", {"content": "x", "occurred_at": when}, says=says)


@pytest.mark.parametrize("when", [5, True, 1.5, [], {}])
async def test_a_date_that_is_not_text_is_refused(cat, when):
    await check_refusal(
        cat, "store_memory", {"content": "x", "occurred_at": when}, says="must be a date or date-time as text"
    )


async def test_metadata_is_bounded_in_bytes_on_every_way_in(cat):
    fits = {"k": "語" * ((METADATA_BYTES - len(json.dumps({"k": ""}))) // 3)}
    memory_id = await cat.store("x", metadata=fits)
    big = {"k": fits["k"] + "語"}
    await check_refusal(
        cat, "store_memory", {"content": "x", "metadata": big}, says="metadata: must be at most 16384 bytes"
    )
    await check_refusal(
        cat, "update_memory", {"id": memory_id, "metadata": big}, says="metadata: must be at most 16384 bytes"
    )
    await check_refusal(
        cat, "ingest_memories", {"memories": [{"content": "x", "metadata": big}]}, says="must be at most 16384"
    )


async def test_more_tags_than_fifty_or_a_tag_without_letters_are_refused(cat):
    tags = [f"t{n}" for n in range(51)]
    await check_refusal(cat, "store_memory", {"content": "x", "tags": tags}, says="tags: must have at most 50 entries")
    await check_refusal(
        cat, "store_memory", {"content": "x", "tags": [" "]}, says="tags.0: must have at least 1 character"
    )
    await check_refusal(
        cat, "store_memory", {"content": "x", "tags": ["t" * 101]}, says="tags.0: must have at most 100"
    )
    await check_refusal(cat, "list_memories", {"tags": ",".join(tags)}, says="tags: must have at most 10 entries")
    await cat.store("x", tags=tags[:50])


async def test_an_ingest_is_neither_empty_nor_larger_than_a_hundred(cat):
    await check_refusal(cat, "ingest_memories", {"memories": []}, says="memories: must have at least 1 entries")
    many = [{"content": f"x {number}"} for number in range(101)]
    await check_refusal(cat, "ingest_memories", {"memories": many}, says="memories: must have at most 100 entries")
    assert (await call_rest(cat, "ingest_memories", {"memories": many[:100]})).body["ingested"] == 100


@pytest.mark.parametrize("bad", [{}, {"content": ""}])
async def test_a_memory_without_content_refuses_an_ingest_over_mcp_and_is_skipped_over_rest(cat, bad):
    arguments = {"memories": [{"content": "good"}, bad]}
    assert (await call_tool(cat, "ingest_memories", arguments)).text.startswith("invalid: memories.1.content: ")
    assert (await read_totals(cat))["memories"] == 0
    assert (await call_rest(cat, "ingest_memories", arguments)).body["ingested"] == 1


@pytest.mark.parametrize("bad", [{"content": "x", "expires": "soon"}, 5, None, "text"])
async def test_an_ingest_with_one_bad_entry_stores_nothing(cat, bad):
    sent = {"memories": [{"content": "good"}, bad, {"content": "good"}], "on_error": "refuse"}
    await check_refusal(cat, "ingest_memories", sent, says="memories.1")
    assert await read_totals(cat) == {"memories": 0, "workspaces": 0, "keys": 1}


async def test_an_update_needs_something_to_update(cat):
    memory_id = await cat.store("x")
    await check_refusal(cat, "update_memory", {"id": memory_id}, says="No fields to update.")
    await check_refusal(cat, "update_memory", {"id": memory_id, "images": []}, says="No fields to update.")


@pytest.mark.parametrize("field", ["content", "type", "tags", "scope", "linkages"])
async def test_an_update_does_not_empty_what_every_memory_has(cat, field):
    memory_id = await cat.store("x")
    await check_refusal(cat, "update_memory", {"id": memory_id, field: None}, says="No fields to update.")
    await check_refusal(cat, "update_memory", {"id": memory_id, "clear": [field]}, says="clear.0: must be one of ")


async def test_a_field_that_gets_a_value_is_not_emptied_by_the_same_update(cat):
    memory_id = await cat.store("x")
    arguments = {"id": memory_id, "project": "loci", "clear": ["project"]}
    await check_refusal(cat, "update_memory", arguments, says="project has a new value and stands in clear")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"scope": "project"}, "project is required when scope is 'project'"),
        ({"scope": "task", "project": "p"}, "task is required when scope is 'task'"),
        ({"task": "t"}, "project is required with a task"),
    ],
)
async def test_a_scope_without_its_place_is_refused_on_every_way_in(cat, fields, says):
    memory_id = await cat.store("x")
    await check_refusal(cat, "store_memory", {"content": "x"} | fields, says=says)
    await check_refusal(cat, "update_memory", {"id": memory_id} | fields, says=says)


@pytest.mark.parametrize("name", ["search", "store_memory", "recent", "create_workspace", "create_key"])
@pytest.mark.parametrize("workspace", ["null", "/", " / ", "a/", "/b", "a/b/c", "a\nb", "w" * 202])
async def test_a_workspace_that_cannot_be_is_refused(cat, name, workspace):
    field = "name" if name == "create_workspace" else "workspace"
    await check_refusal(cat, name, VALID.get(name, {}) | {field: workspace}, says=f"{field}: ")
    assert (await read_totals(cat))["workspaces"] == 0


@pytest.mark.parametrize("query", ["", " ", "\n"])
async def test_a_search_for_nothing_is_refused(cat, query):
    await check_refusal(cat, "search", {"query": query}, says="query: must not be empty")


async def test_a_search_for_a_whole_book_is_refused(cat):
    await check_refusal(cat, "search", {"query": "x" * 100_001}, says="query: must have at most 100000 characters")


async def test_a_key_that_ends_before_it_begins_or_twice_is_refused(cat):
    await check_refusal(cat, "create_key", {"expires_at": "2026-01-01"}, says="expires_at: must lie in the future")
    both = {"expires_at": "2027-01-01", "expires_in_days": 5}
    await check_refusal(cat, "create_key", both, says="send expires_at or expires_in_days, not both")
    await check_refusal(cat, "create_key", {"expires_in_days": 0}, says="expires_in_days: must be at least 1")
    await check_refusal(cat, "create_key", {"scopes": ["root"]}, says="scopes.0: must be one of 'memory:read'")
    await check_refusal(cat, "create_key", {"scopes": []}, says="scopes: must have at least 1 entries")
