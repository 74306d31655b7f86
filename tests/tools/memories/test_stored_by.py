"""Every memory says who stored it: the person, the app and the session."""

import pytest
import sqlalchemy as sa

from server.store.tables.accounts import users
from tests.helpers.console import log_in, send
from tests.helpers.doors import call_rest, call_tool, drop_nulls
from tests.helpers.logins.flow import Flow

pytestmark = pytest.mark.anyio


async def find_stored_by(person, memory_id, **where):
    return (await call_rest(person, "fetch", {"id": memory_id, **where})).body["stored_by"]


async def test_a_memory_says_the_person_the_key_and_the_session_it_came_from(site):
    ann = await site.add_person("ann")
    memory = await ann.store("The kettle is in the attic", session="s-1")
    expected = {"user": "ann", "user_id": ann.user_id, "app": "test", "session": "s-1"}
    assert drop_nulls(await find_stored_by(ann, memory)) == expected
    for name, arguments in (("list_memories", {}), ("search", {"query": "kettle"})):
        asked = arguments | {"include": ["stored_by"]}
        for call in (call_rest, call_tool):
            (found,) = (await call(ann, name, asked)).body["memories"]
            assert drop_nulls(found["stored_by"]) == expected
            (plain,) = (await call(ann, name, arguments)).body["memories"]
            assert "stored_by" not in plain
    async with site.services.db.write() as connection:
        renamed = sa.update(users).where(users.c.id == ann.user_id).values(name="Ann B", name_key="ann b")
        await connection.execute(renamed)
    assert (await find_stored_by(ann, memory))["user"] == "Ann B"


async def test_a_memory_of_an_app_and_one_of_the_console_say_so(site):
    ann = await site.add_person("ann")
    http = await log_in(site, ann)
    flow = Flow(http, site.url)
    await flow.register()
    app = site.client((await flow.tokens())["access_token"])
    stored = (await app.post("/v1/memories", json={"content": "The kettle is in the attic"})).json()["id"]
    by_app = await find_stored_by(ann, stored)
    assert (by_app["user"], by_app["app"]) == ("ann", "Test App")
    assert by_app["client_id"]
    added = await send(http, "/memories", content="The cup is in the cellar")
    by_hand = await find_stored_by(ann, added.headers["location"].rpartition("/")[2])
    assert (by_hand["user"], by_hand["app"], by_hand["client_id"]) == ("ann", "console", None)
    for path in ("/memories", "/memories?q=kettle", f"/memories/{stored}"):
        assert "ann with Test App" in (await http.get(path)).text, path


async def test_a_merged_memory_was_stored_by_whoever_merged_it(site):
    ann = await site.add_person("ann")
    ids = [await ann.store(f"The kettle is in room {n}") for n in range(2)]
    merged = (await call_rest(ann, "consolidate_group", {"source_ids": ids, "content": "Kettles: 0, 1"})).body
    assert (await find_stored_by(ann, merged["id"]))["user"] == "ann"
