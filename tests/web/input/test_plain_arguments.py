"""Arguments as models and their clients send them: each is taken for what it plainly says, by every tool."""

import json
from typing import get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from server.errors import Failure
from tests.helpers.arguments import VALID
from tests.helpers.doors import call_rest, call_tool, check_refusal
from tools import catalog
from tools.core.arguments import validate
from tools.memories.arguments import merge_patch
from tools.memories.operations import UpdateMemory

pytestmark = pytest.mark.anyio

ARGUMENTS = {each.name: each.args for each in (*catalog.OPERATIONS, *catalog.MEMENTO.values())}
#: Arguments that a tool accepts, and every optional argument of it that they leave out.
OPTIONAL = [
    (operation.name, name)
    for operation in catalog.OPERATIONS
    for name, field in operation.args.model_fields.items()
    if not field.is_required() and VALID.get(operation.name, {}).get(name) is None
]
#: The operations whose arguments suit Memento's tools.
MEMENTO: dict[str, str] = {
    "memento_remember": "store_memory",
    "memento_store": "store_memory",
    "memento_recall": "search",
}
FILLED = {
    "content": "Tea is at five",
    "tags": ["ops", "deploy"],
    "project": "loci",
    "metadata": {"a": 1, "b": {"c": [True, None]}},
    "linkages": [{"type": "file", "path": "a.md"}],
    "occurred_at": "2026-11-01",
}


def read_arguments(name, arguments):
    """The arguments as a tool reads them: only those that are set, so that left out is not the same as a default."""
    return validate(ARGUMENTS[name], arguments).model_dump(exclude_unset=True)


async def call_checked(person, name, arguments):
    """Return a tool's answer over MCP, which leaves nulls out."""
    answer = await call_tool(person, name, arguments)
    assert answer.error is None, answer.text
    return answer.body


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize(("name", "argument"), OPTIONAL)
def test_an_optional_argument_that_is_null_or_empty_is_left_out(name, argument, nothing):
    arguments = VALID.get(name, {})
    assert read_arguments(name, arguments | {argument: nothing}) == read_arguments(name, arguments)


@pytest.mark.parametrize("name", ["store_memory", "memento_remember", "add_item", "update_memory"])
def test_tags_are_taken_in_every_form(name):
    arguments = VALID[MEMENTO.get(name, str(name))]
    for sent in (["ops", "deploy"], '["ops","deploy"]', ' ["ops", "deploy"] ', "ops,deploy", "ops, deploy"):
        assert read_arguments(name, arguments | {"tags": sent})["tags"] == ["ops", "deploy"], sent
    assert read_arguments(name, arguments | {"tags": "ops"})["tags"] == ["ops"]
    assert read_arguments(name, arguments | {"tags": "[todo] later"})["tags"] == ["[todo] later"]


@pytest.mark.parametrize("sent", [5, "5", " 5 ", 5.0, "5.0"])
@pytest.mark.parametrize("name", ["recent", "search", "retrieve_context", "list_memories", "memento_recall"])
def test_a_whole_number_is_taken_in_every_form(name, sent):
    limit = read_arguments(name, VALID.get(MEMENTO.get(name, str(name)), {}) | {"limit": sent})["limit"]
    assert (limit, type(limit)) == (5, int)


@pytest.mark.parametrize("sent", [True, "true", "True", " TRUE ", "1"])
def test_a_truth_value_is_taken_in_every_form(sent):
    assert read_arguments("search", {"query": "x", "explain": sent})["explain"] is True


@pytest.mark.parametrize("sent", ["false", "False", "0"])
def test_no_is_not_taken_for_yes(sent):
    assert read_arguments("search", {"query": "x", "explain": sent})["explain"] is False


@pytest.mark.parametrize("blank", [" ", " \n\t", "\u3000"])
@pytest.mark.parametrize(
    ("name", "argument"),
    [
        *(("store_memory", each) for each in ("project", "task", "entity", "author", "session", "source", "type")),
        *(("store_memory", each) for each in ("scope", "tags", "linkages", "metadata", "occurred_at", "expires_at")),
        *(("search", each) for each in ("project", "session", "type", "limit", "explain", "workspace")),
        *(("update_memory", each) for each in ("project", "tags", "clear", "type")),
    ],
)
def test_blanks_alone_are_left_out_like_an_empty_text(name, argument, blank):
    arguments = VALID[name]
    assert read_arguments(name, arguments | {argument: blank}) == read_arguments(name, arguments)


def test_blanks_alone_are_no_content():
    with pytest.raises(Failure, match="content: must not be empty"):
        read_arguments("store_memory", {"content": "  "})


def is_object_list(annotation):
    """Whether an argument of this type is a list of objects."""
    parts = get_args(annotation)
    if get_origin(annotation) is list:
        return isinstance(parts[0], type) and issubclass(parts[0], BaseModel)
    return any(is_object_list(each) for each in parts)


ENTRIES = {
    "linkages": {"type": "file", "path": "a.md"},
    "memories": {"content": "Tea"},
    "images": {"data": "iVBORw=="},
    "events": {"type": "user_prompt"},
}
#: Every list of objects that a tool takes.
OBJECT_LISTS = [
    (operation.name, name)
    for operation in (*catalog.OPERATIONS, *catalog.MEMENTO.values())
    for name, field in operation.args.model_fields.items()
    if is_object_list(field.annotation)
]


@pytest.mark.parametrize(("name", "argument"), OBJECT_LISTS)
def test_one_object_is_taken_for_a_list_of_it(name, argument):
    arguments = VALID[MEMENTO.get(name, str(name))]
    entry = ENTRIES[argument]
    for sent in (entry, json.dumps(entry), f" {json.dumps(entry)} ", [json.dumps(entry)], json.dumps([entry])):
        assert read_arguments(name, arguments | {argument: sent}) == read_arguments(
            name, arguments | {argument: [entry]}
        ), sent


async def test_one_memory_of_claude_mem_is_ingested_like_a_list_of_it(cat):
    stored = await call_checked(cat, "ingest_memories", {"memories": {"narrative": "Tea is at five"}})
    assert stored["ingested"] == 1


@pytest.mark.parametrize("clear", ["entity", "entity, author", ["entity"], '["entity"]', " ", None])
async def test_an_expiry_of_null_empties_it_beside_what_clear_names_in_any_form(cat, clear):
    memory_id = await cat.store("Tea", entity="cat", expires="2099-01-01")
    changed = await cat.http.put(f"/v1/memories/{memory_id}", json={"expires": None, "clear": clear})
    assert changed.status_code == 200, changed.text
    left = None if clear and "entity" in clear else "cat"
    assert (changed.json()["expires_at"], changed.json()["entity"]) == (None, left)


@pytest.mark.parametrize("linkages", [{"type": "file", "path": "a.md"}, '{"type": "file", "path": "a.md"}', " ", None])
async def test_links_in_any_form_stand_beside_relations(cat, linkages):
    first = await cat.store("Tea")
    fields = {"content": "Green tea", "linkages": linkages, "related_to": first}
    links = (await call_checked(cat, "store_memory", fields))["memory"]["linkages"]
    assert [each["type"] for each in links] == (["file", "memory"] if linkages and linkages != " " else ["memory"])


@pytest.mark.parametrize("digits", ["9" * 309, "9" * 4000, "9" * 5000, "-" + "9" * 5000])
async def test_a_number_of_too_many_digits_is_refused_by_its_place(cat, digits):
    says = "metadata.a.0: is a number of more than 308 digits; send it as text."
    for metadata in (f'{{"a": [{digits}]}}', json.dumps(f'{{"a": [{digits}]}}')):
        body = f'{{"content": "x", "metadata": {metadata}}}'
        response = await cat.http.post("/v1/memories", content=body, headers={"content-type": "application/json"})
        answer = response.json()
        assert (response.status_code, answer["field"], answer["message"]) == (400, "metadata.a.0", says)


@pytest.mark.parametrize("value", ["9" * 400, " -" + "9" * 400, "9" * 5000, "1e999", "NaN", "-Infinity"])
async def test_digits_that_are_no_number_to_count_with_are_refused(cat, value):
    await check_refusal(cat, "search", {"query": "tea", "limit": value}, says="limit: must be a whole number; you sent")
    await check_refusal(cat, "consolidate", {"share": value}, says="share: must be a number; you sent")


@pytest.mark.parametrize("literal", ["NaN", "-Infinity", "1e999"])
async def test_a_number_that_is_not_finite_is_refused_by_its_place(cat, literal):
    body = f'{{"content": "x", "metadata": {{"a": {literal}}}}}'
    response = await cat.http.post("/v1/memories", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["message"]) == (400, "metadata.a: must be a finite number.")


@pytest.mark.parametrize("number", [-0.0, 0, 10**307, -(10**307), 2**63, 1.7e308, 5e-324])
async def test_every_other_number_comes_back_as_it_was_sent(cat, number):
    memory_id = await cat.store("Tea", metadata={"a": number})
    assert repr((await call_rest(cat, "fetch", {"id": memory_id})).body["metadata"]["a"]) == repr(number)


@given(st.sets(st.sampled_from(sorted(FILLED)), min_size=1))
@settings(max_examples=40)
def test_lists_and_objects_written_as_json_say_the_same(encoded):
    sent = {k: json.dumps(v) if k in encoded and not isinstance(v, str) else v for k, v in FILLED.items()}
    assert read_arguments("store_memory", sent) == read_arguments("store_memory", FILLED)
    for entries in ([sent], json.dumps([sent]), [json.dumps(sent)]):
        assert read_arguments("ingest_memories", {"memories": entries}) == read_arguments(
            "ingest_memories", {"memories": [FILLED]}
        )


@pytest.mark.parametrize("value", ['{"a": NaN}', '{"a": "\\ud800"}', '{"a": "\\u0000"}', "{" * 5000])
def test_json_that_cannot_be_stored_is_refused_in_a_text_as_well(value):
    with pytest.raises(Failure) as caught:
        read_arguments("store_memory", {"content": "x", "metadata": value})
    assert caught.value.code == "invalid"


@pytest.mark.parametrize("tags", ["['ops', 'deploy']", "[ops, deploy]", '["ops"', "{}", '```json\n["ops"]\n```'])
async def test_a_list_in_another_notation_is_refused_and_not_taken_for_words(cat, tags):
    await check_refusal(cat, "store_memory", {"content": "Tea", "tags": tags}, says="tags: must be a list; you sent")


@pytest.mark.parametrize("word", ["null", "None", "undefined", " NULL ", '"null"'])
@pytest.mark.parametrize(
    ("name", "argument"),
    [
        *(("store_memory", each) for each in ("project", "task", "entity", "author", "session", "scope", "tags")),
        *(("search", each) for each in ("project", "session", "type", "limit", "explain", "workspace")),
        ("store_memory", "expires_at"),
    ],
)
async def test_a_word_for_nothing_is_refused_with_what_to_do(cat, name, argument, word):
    says = f"{argument}: the word {word.strip()!r} stands for no value; leave the argument out, or send null."
    await check_refusal(cat, name, VALID.get(name, {}) | {argument: word}, says=says)


async def test_a_word_for_nothing_may_be_remembered_and_asked_for(cat):
    memory_id = await cat.store("null")
    found = await call_checked(cat, "retrieve_context", {"message": "null"})
    assert [each["id"] for each in found["memories"]["matches"]] == [memory_id]


async def test_a_refusal_names_the_argument_as_the_client_did(cat):
    answer = await call_rest(cat, "store_memory", {"content": "x", "task_id": "null"})
    assert (answer.status, answer.body["field"]) == (400, "task_id")
    assert answer.body["message"].startswith("task_id: the word 'null'")


async def test_a_client_that_fills_every_argument_with_null_has_what_it_asked_for(cat):
    for name, arguments in {"store_memory": {"content": "Tea"}, "search": {"query": "tea"}, "recent": {}}.items():
        nulls = dict.fromkeys(ARGUMENTS[name].model_fields)
        assert (await call_tool(cat, name, nulls | arguments)).error is None
        assert (
            await call_rest(cat, name, {k: v for k, v in (nulls | arguments).items() if name != "recent"})
        ).status < 300


async def test_the_matches_of_a_context_can_be_ingested_again_and_keep_their_time(cat):
    await cat.store(
        "Tea is at five", tags=["tea"], project="loci", occurred_at="2026-01-02T03:04:05Z", metadata={"a": 1}
    )
    await cat.store("Tea is green")
    context = await call_checked(cat, "retrieve_context", {"message": "tea", "explain": True, "include_graph": True})
    matches = context["memories"]["matches"]
    assert len(matches) == 2
    stored = await call_checked(cat, "ingest_memories", {"workspace": "copy", "memories": matches})
    for match, copy_id in zip(matches, stored["ids"], strict=True):
        copy = await call_checked(cat, "fetch", {"workspace": "copy", "id": copy_id})
        assert copy["content"] == match["content"]
        assert copy["occurred_at"] == match.get("occurred_at", match["created_at"])


async def test_an_answer_with_one_field_changed_can_be_sent_back(cat):
    memory_id = await cat.store("Tea", project="loci", metadata={"a": 1})
    answer = (await call_rest(cat, "fetch", {"id": memory_id})).body
    changed = await call_checked(cat, "update_memory", answer | {"content": "Coffee"})
    assert (changed["content"], changed["project"], changed["metadata"]) == ("Coffee", "loci", {"a": 1})
    item = (await call_rest(cat, "add_item", VALID["add_item"])).body
    assert (await call_checked(cat, "update_item", item | {"title": "Later"}))["title"] == "Later"
    skip = (await call_rest(cat, "add_skip", VALID["add_skip"])).body["entry"]
    assert (await call_rest(cat, "add_skip", skip | {"item": "green tea"})).status == 201


async def test_an_update_empties_the_fields_that_clear_names_and_no_others(cat):
    memory_id = await cat.store("Tea", project="loci", author="Ann", expires="2099-01-01", metadata={"a": 1})
    nulls = {"author": None, "expires_at": None, "metadata": None}
    kept = await call_checked(cat, "update_memory", {"id": memory_id, "content": "Green tea", **nulls})
    assert (kept["author"], kept["metadata"], "expires_at" in kept) == ("Ann", {"a": 1}, True)
    left = await call_checked(cat, "update_memory", {"id": memory_id, "clear": ["author", "expires_at", "metadata"]})
    assert ("author" in left, "expires_at" in left, left["metadata"], left["project"]) == (False, False, {}, "loci")


async def test_metadata_is_merged(cat):
    memory_id = await cat.store("Tea", metadata={"a": 1, "b": {"c": 1, "d": 2}, "e": [1]})
    await call_checked(
        cat, "update_memory", {"id": memory_id, "metadata": {"b": {"c": None, "x": 3}, "e": [2], "a": None}}
    )
    assert (await call_checked(cat, "fetch", {"id": memory_id}))["metadata"] == {"b": {"d": 2, "x": 3}, "e": [2]}


async def test_metadata_that_grows_too_large_by_a_merge_is_refused(cat):
    memory_id = await cat.store("Tea", metadata={"a": "x" * 9000})
    await check_refusal(
        cat, "update_memory", {"id": memory_id, "metadata": {"b": "x" * 9000}}, says="metadata: must be at most"
    )
    assert (await call_checked(cat, "fetch", {"id": memory_id}))["metadata"] == {"a": "x" * 9000}


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_is_that_of_rfc_7396_appendix_a(target, patch, merged):
    assert merge_patch(target, patch) == merged


def test_every_field_that_clear_names_may_be_empty():
    for name in UpdateMemory.model_fields["clear"].annotation.__args__[0].__args__:  # pyright: ignore[reportOptionalMemberAccess,reportAttributeAccessIssue] - a list of literals
        assert UpdateMemory(id="x", clear=[name]).list_changes({"a": 1})[name] in (None, {})


@pytest.mark.parametrize("end", ["9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00", "never", "Never"])
async def test_an_end_at_the_end_of_the_calendar_is_never(cat, end):
    memory_id = await cat.store("Tea", expires="2099-01-01")
    assert "expires_at" not in await call_checked(cat, "update_memory", {"id": memory_id, "expires_at": end})
    assert (
        "expires_at" not in (await call_checked(cat, "store_memory", {"content": "Tea", "expires_at": end}))["memory"]
    )


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2099-01-02t03:04:05z", "2099-01-02T03:04:05.000Z"),
        ("2099-01-02T03:04:05.123456789Z", "2099-01-02T03:04:05.123Z"),
        ("2099-01-02 03:04:05+02:00", "2099-01-02T01:04:05.000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"),
    ],
)
async def test_a_time_is_taken_in_every_form_of_rfc_3339(cat, sent, kept):
    stored = await call_checked(cat, "store_memory", {"content": "Tea", "occurred_at": sent})
    assert stored["memory"]["occurred_at"] == kept


async def test_an_end_in_the_past_is_stored_with_a_notice(cat):
    stored = await call_checked(cat, "store_memory", {"content": "Tea", "expires_at": "2001-01-01"})
    assert stored["meta"]["notice"] == "This memory has an expires_at in the past: stored, but never recalled."
    pair = [{"content": "Tea", "expires_at": "2001-01-01"}, {"content": "Tea"}]
    assert (await call_checked(cat, "ingest_memories", {"memories": pair}))["meta"]["notice"].startswith(
        "1 of these memories"
    )
    memory_id = await cat.store("Tea")
    changed = await call_checked(cat, "update_memory", {"id": memory_id, "expires_at": "2001-01-01"})
    assert "in the past" in changed["meta"]["notice"]
    assert "notice" not in (await call_checked(cat, "store_memory", {"content": "Tea"}))["meta"]


async def test_a_crystal_that_was_read_can_be_sent_back(cat):
    await call_tool(cat, "update_identity", {"crystal": "I look after the shop."})
    answer = (await cat.http.get("/v1/identity")).json()
    assert (await cat.http.put("/v1/identity", json=answer)).is_success
    assert (await cat.http.get("/v1/identity")).json()["crystal"] == answer["crystal"]
