"""What a memory is stored without is filled in by what is known, marked, and never put over what was given."""

from datetime import timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from server.store.tables.accounts import memberships
from tests.helpers.doors import call_rest, call_tool, check_refusal

pytestmark = pytest.mark.anyio

NUMBERS = count()


@pytest.fixture
async def ann(site):
    return await site.add_person("ann")


async def fetch(person, memory_id, **where):
    return (await call_rest(person, "fetch", {"id": memory_id, **where})).body


async def read_session(person, **fields):
    content = f"Tea {next(NUMBERS)}"  # a repeat is not stored again
    return (
        await fetch(person, await person.store(content, **fields), **{k: fields[k] for k in fields if k == "workspace"})
    )["session"]


async def search(person, words, **fields):
    return [
        each["content"] for each in (await person.call("search", {"query": words, "limit": 30, **fields}))["memories"]
    ]


async def test_what_was_left_out_is_filled_in_through_every_door_and_marked(ann):
    rest = await fetch(ann, await ann.store("Yesterday we moved to Postgres"))
    tool = (await call_tool(ann, "store_memory", {"content": "The port is 5432"})).body["memory"]
    ingested = (await call_rest(ann, "ingest_memories", {"memories": [{"content": "I like tea"}]})).body["ids"][0]
    many = await fetch(ann, ingested)
    assert (rest["author"], rest["occurred_at"][:10]) == ("ann", "2026-11-20")
    assert rest["session"] == tool["session"] == many["session"]
    assert rest["inferred"] == ["author", "occurred_at", "session"]
    assert tool["inferred"] == many["inferred"] == ["author", "session"]
    assert "occurred_at" not in tool
    found = (await call_rest(ann, "search", {"query": "Postgres"})).body["memories"][0]
    assert found["inferred"] == rest["inferred"]


async def test_what_was_given_stays_and_is_not_marked(ann):
    given = {"author": "Theo", "session": "s", "occurred_at": "2026-01-02T00:00:00.000Z"}
    memory = await fetch(ann, await ann.store("Yesterday we moved to Postgres", **given))
    assert {name: memory[name] for name in given} == given
    assert "inferred" not in memory
    half = await fetch(ann, await ann.store("Yesterday we moved to Postgres", author="Theo"))
    assert (half["author"], half["inferred"]) == ("Theo", ["occurred_at", "session"])


async def test_a_session_is_of_one_connection_one_workspace_one_project_and_one_stretch_of_work(ann, site, clock):
    bob, same = await site.add_person("bob"), await site.add_person("ann")
    async with site.services.db.write() as connection:
        row = {"account_id": ann.account_id, "user_id": bob.user_id, "role": "member", "created_at": clock()}
        await connection.execute(sa.insert(memberships).values(row))
    first = await read_session(ann)
    apart = [
        await read_session(same),  # another key of the same person
        await read_session(ann, workspace="other"),
        await read_session(ann, project="shop"),
        await read_session(bob, workspace="ann/default"),
    ]
    assert len({first, *apart}) == 1 + len(apart)
    clock.move(minutes=29)
    assert await read_session(ann) == first
    clock.move(minutes=31)
    assert await read_session(ann) != first
    assert (await fetch(bob, await bob.store("Tea", workspace="ann/default"), workspace="ann/default"))[
        "author"
    ] == "bob"


async def test_turns_of_a_conversation_are_found_by_those_before_them_and_facts_are_not(ann):
    await ann.store("Do you prefer Lisbon or Porto?")
    await ann.store("I prefer the second one!")
    await ann.store("Backups run at three at night")
    assert set(await search(ann, "Lisbon")) == {"Do you prefer Lisbon or Porto?", "I prefer the second one!"}


async def test_the_person_is_the_author_of_what_is_said_in_the_first_person_alone(ann):
    await ann.store("I like green tea")
    await ann.store("Ben's birthday is on 14 March")
    assert await search(ann, "ann") == ["I like green tea"]
    assert len(await search(ann, "tea birthday", author="ann")) == 2
    text = (await call_tool(ann, "retrieve_context", {"message": "green tea, and Ben's birthday"})).text
    assert "[2026-11-21, ann] I like" in text
    assert "[2026-11-21] Ben's" in text


async def test_a_changed_text_is_read_again_and_the_same_words_mean_the_same_day(ann, clock):
    kept = await ann.store("Yesterday we moved to Postgres 15")
    new = await ann.store("Yesterday we moved to Redis")
    given = await ann.store("Yesterday we moved", occurred_at="2026-01-02")
    clock.move(days=7)
    texts = {
        kept: "Yesterday we moved to Postgres 16",
        new: "Two days ago we left Redis",
        given: "Two days ago we left",
    }
    for memory_id, content in texts.items():
        await ann.call("update_memory", {"id": memory_id, "content": content})
    days = {memory_id: (await fetch(ann, memory_id))["occurred_at"][:10] for memory_id in texts}
    assert days == {kept: "2026-11-20", new: "2026-11-26", given: "2026-01-02"}
    await ann.call("update_memory", {"id": new, "content": "We left Redis"})
    left = await fetch(ann, new)
    assert (left["occurred_at"], left["inferred"]) == (None, ["author", "session"])


async def test_a_field_that_is_given_or_emptied_later_is_inferred_no_longer(ann):
    memory_id = await ann.store("Yesterday we moved to Postgres")
    await ann.call("update_memory", {"id": memory_id, "author": "Theo", "clear": ["session"]})
    memory = await fetch(ann, memory_id)
    assert (memory["author"], memory["session"], memory["inferred"]) == ("Theo", None, ["occurred_at"])
    answered = {name: memory[name] for name in ("author", "occurred_at", "content")}
    await ann.call("update_memory", {"id": memory_id, **answered, "tags": ["x"]})  # sent back as it is
    assert (await fetch(ann, memory_id))["inferred"] == ["occurred_at"]


async def test_an_export_comes_back_as_inferred(ann):
    await ann.store("Yesterday we moved to Postgres", session="s")
    (line,) = (await ann.http.get("/v1/memories/export")).text.splitlines()
    answer = await ann.http.post(
        "/v1/memories/ingest",
        content=f'{{"workspace": "copy", "memories": [{line}]}}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 201, answer.text
    copy = await fetch(ann, answer.json()["ids"][0], workspace="copy")
    assert (copy["author"], copy["session"], copy["occurred_at"][:10]) == ("ann", "s", "2026-11-20")
    assert copy["inferred"] == ["author", "occurred_at"]
    await check_refusal(ann, "store_memory", {"content": "x", "inferred": ["type"]}, says="inferred")


async def test_the_time_zone_is_the_arguments_else_the_persons_else_utc(ann, site, clock):
    clock.time = clock.time.replace(hour=1)
    told = "We moved yesterday"
    assert (await fetch(ann, await ann.store(told)))["occurred_at"][:10] == "2026-11-20"
    await call_rest(ann, "set_preferences", {"time_zone": "America/New_York"})
    assert (await fetch(ann, await ann.store(told)))["occurred_at"][:10] == "2026-11-19"
    assert (await fetch(ann, await ann.store(told, time_zone="UTC")))["occurred_at"][:10] == "2026-11-20"
    other = await site.add_person("bob")
    assert (await call_rest(other, "get_preferences", {})).body["time_zone"] is None
    message = {"message": "what happened yesterday?"}  # in New York it is still the evening of the 20th
    assert len((await ann.call("retrieve_context", message))["memories"]["matches"]) == 1
    says = "time_zone: must be a time zone of the IANA database, like Europe/Berlin, or UTC"
    for name in ("Berlin", "Europe/../../etc/passwd", "+02:00"):
        await check_refusal(ann, "set_preferences", {"time_zone": name}, says=says)
    bound = await site.add_person("ann", workspace_id=(await ann.call("create_workspace", {"name": "w"}))["id"])
    await check_refusal(bound, "set_preferences", {"time_zone": "UTC"}, status=403, code="forbidden", says="bound")


async def test_a_session_that_is_replayed_and_a_time_in_the_future_are_kept_as_they_are(ann, clock):
    soon = (clock() + timedelta(days=400)).isoformat()
    for _ in range(2):
        await ann.store("I prefer tea", session="s", occurred_at=soon)
    assert await search(ann, "tea", session="s")
    assert (await call_rest(ann, "retrieve_context", {"message": "what happened last week?"})).status == 200
    await check_refusal(ann, "store_memory", {"content": "x", "occurred_at": "99999-01-01"}, says="occurred_at")
