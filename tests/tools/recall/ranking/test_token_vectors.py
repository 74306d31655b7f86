"""The vectors of tokens in a recall: kept with a memory, gone with it, and missed by nobody who has none yet."""

import pytest
import sqlalchemy as sa

from server.store.projection.upkeep.backfill import fill_gaps
from server.store.record.works import generations
from server.store.tables.accounts import workspaces
from server.store.tables.memories import token_vectors, vectors
from tests.helpers.doors import call_tool

pytestmark = pytest.mark.anyio

TEXTS = ("The kettle stands on the stove", "The stove was bought in Oslo", "Ann keeps the kettle in the attic")


async def recall(person, question="where is the kettle?"):
    answer = await call_tool(person, "search", {"query": question, "limit": 10, "explain": True, "track_access": False})
    assert answer.error is None, answer.text
    return {each["content"]: each["why"] for each in answer.body["memories"]}


async def count_rows(site, table):
    async with site.services.db.read() as connection:
        return (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()


async def test_each_memory_is_ranked_by_its_tokens_too(hybrid_site):
    ann = await hybrid_site.add_person()
    for text in TEXTS:
        await ann.store(text)
    assert await count_rows(hybrid_site, token_vectors) == len(TEXTS)
    found = await recall(ann)
    assert max(why["tokens"] for why in found.values()) == 1.0
    assert found[TEXTS[0]]["tokens"] > found[TEXTS[1]]["tokens"]


async def test_a_changed_text_has_new_vectors_and_an_erased_one_none(hybrid_site):
    ann = await hybrid_site.add_person()
    memory = await ann.store(TEXTS[0])
    async with hybrid_site.services.db.read() as connection:
        (before,) = (await connection.execute(sa.select(token_vectors.c.tokens))).scalars()
    answer = await call_tool(ann, "update_memory", {"id": memory, "content": TEXTS[1]})
    assert answer.error is None, answer.text
    async with hybrid_site.services.db.read() as connection:
        (after,) = (await connection.execute(sa.select(token_vectors.c.tokens))).scalars()
    assert before != after
    await call_tool(ann, "delete_memory", {"id": memory, "erase": True})
    assert await count_rows(hybrid_site, token_vectors) == 0


async def test_a_memory_without_them_is_ranked_by_its_words_and_its_vector(hybrid_site):
    ann = await hybrid_site.add_person()
    ids = [await ann.store(text) for text in TEXTS]
    async with hybrid_site.services.db.write() as connection:
        await connection.execute(sa.delete(token_vectors).where(token_vectors.c.memory_id == ids[0]))
    found = await recall(ann)
    assert found[TEXTS[0]].get("tokens") is None
    assert found[TEXTS[2]]["tokens"] is not None
    async with hybrid_site.services.db.write() as connection:
        await connection.execute(sa.delete(token_vectors))
    assert {why.get("tokens") for why in (await recall(ann)).values()} == {None}


async def test_memories_of_an_earlier_version_get_them_in_the_background(hybrid_site):
    ann, services = await hybrid_site.add_person(), hybrid_site.services
    for text in TEXTS:
        await ann.store(text)
    model = services.encoder.source.model
    async with services.db.write() as connection:  # as that version left it
        await connection.execute(sa.delete(token_vectors))
        await connection.execute(sa.update(generations.generations).values(digest=model.digest))
    services.encoder.generation = 0
    services.encoder.filling.note_gaps()
    await fill_gaps(services.db, services.encoder, services.projection, services.now)
    assert await count_rows(hybrid_site, token_vectors) == len(TEXTS)
    assert await count_rows(hybrid_site, vectors) == 2 * len(TEXTS)
    async with services.db.read() as connection:
        assert set((await connection.execute(sa.select(workspaces.c.generation))).scalars()) == {2}
    assert None not in {why.get("tokens") for why in (await recall(ann)).values()}


async def test_what_is_asked_of_somebody_is_not_answered_with_what_is_known_of_another(hybrid_site):
    ann = await hybrid_site.add_person()
    for text in ("Ben's birthday is on 14 March.", "At night Priya has the pager.", "The harbour was quiet."):
        await ann.store(text)
    assert next(iter(await recall(ann, "when is Ben's birthday?"))) == "Ben's birthday is on 14 March."
    assert await recall(ann, "when is Priya's birthday?") == {}
    assert next(iter(await recall(ann, "when does Priya have the pager?"))) == "At night Priya has the pager."
    await ann.store("Priya was born on 3 May.")
    assert "Priya was born on 3 May." in await recall(ann, "when is Priya's birthday?")


async def test_the_reason_is_told_if_all_that_is_known_is_of_another(hybrid_site):
    ann = await hybrid_site.add_person()
    memory = await ann.store("Ben's birthday is on 14 March.")
    await ann.store("At night Priya has the pager.")
    request = {"message": "when is Priya's birthday?", "memory_id": memory}
    answer = (await ann.http.post("/v1/recall/explain", json=request)).json()
    assert (answer["reason"], answer.get("needed")) == ("gate", None)
    assert answer["message"] == "Nothing fits: the message asks of somebody what the workspace knows of others only."
