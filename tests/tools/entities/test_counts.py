"""The counts of entities are those of a count from scratch, whatever happens to memories and entities."""

import random
from collections import Counter

import pytest
import sqlalchemy as sa

from server.memory.entities.finding import find_entities
from server.memory.entities.names import fold_entity_name
from server.store.record.relations.current import IN_RECALL
from server.store.tables.entities import entities, entity_names, mentions
from server.store.tables.memories import memories
from tests.helpers.doors import call_rest

pytestmark = pytest.mark.anyio

NAMES = ["Lisbon", "Oslo", "Grafana", "heron", "db1.example.com", "Maria Lopez"]


class Life:
    """A workspace that lives: each step changes something in it by chance."""

    def __init__(self, person, clock, chance):
        self.person = person
        self.clock = clock
        self.chance = chance
        self.ids = []
        self.runs = []
        self.changes = []

    def make_text(self):
        some = self.chance.sample(NAMES, 2)
        return f"we looked at {some[0]} and then at {some[1]}, note {self.chance.randrange(10**9)}"

    async def step(self):
        kind = self.chance.choice([self.store, self.store, self.change, self.remove, self.merge, self.treat_entities])
        await kind()
        self.clock.move(minutes=self.chance.randrange(60))

    async def store(self):
        fields = {"entity": self.chance.choice([None, *NAMES]), "project": self.chance.choice([None, "shop"])}
        if self.ids and self.chance.random() < 0.3:
            fields["supersedes"] = [self.chance.choice(self.ids)]
        if self.chance.random() < 0.3:
            fields["expires_at"] = self.clock().replace(hour=23, minute=59).isoformat()
        answer = await call_rest(self.person, "store_memory", {"content": self.make_text()} | fields)
        if answer.status == 201:
            self.ids.append(answer.body["id"])

    async def change(self):
        if self.ids:
            change = self.chance.choice(
                [{"content": self.make_text()}, {"entity": self.chance.choice(NAMES)}, {"expires_at": "2026-01-01"}]
            )
            await call_rest(self.person, "update_memory", {"id": self.chance.choice(self.ids)} | change)

    async def remove(self):
        if self.ids:
            memory = {"id": self.chance.choice(self.ids)}
            if self.chance.random() < 0.4:
                await call_rest(self.person, "restore_memory", memory)
            else:
                await call_rest(self.person, "delete_memory", memory | {"erase": self.chance.random() < 0.4})

    async def merge(self):
        if self.runs and self.chance.random() < 0.5:
            await call_rest(self.person, "undo_consolidation", {"run": self.chance.choice(self.runs)})
        elif len(self.ids) > 1:
            answer = await call_rest(self.person, "consolidate_group", {"source_ids": self.chance.sample(self.ids, 2)})
            if answer.status in {200, 201}:
                self.runs.append(answer.body["run"])

    async def treat_entities(self):
        one, other = self.chance.sample(NAMES, 2)
        kind = self.chance.choice(["merge_entities", "split_entity", "undo_entity_change", "update_entity"])
        if kind == "undo_entity_change":
            arguments = {"id": self.chance.choice([*self.changes, "none"])}
        elif kind == "update_entity":
            arguments = {"id": one, "add_aliases": [f"{one} the {self.chance.randrange(9)}"]}
        else:
            arguments = {"id": one} | ({"others": [other]} if kind == "merge_entities" else {"names": [other]})
        answer = await call_rest(self.person, kind, arguments)
        if answer.status == 200 and "change" in answer.body and kind != "undo_entity_change":
            self.changes.append(answer.body["change"])


async def read_state(db, now):
    """The memories that are active, the mentions as pairs of memory and key, and the entities with their counts."""
    async with db.read() as connection:
        active = sa.and_(memories.c.deleted_at.is_(None), IN_RECALL)
        unexpired = sa.or_(memories.c.expires_at.is_(None), memories.c.expires_at > now)
        texts = {
            row.id: (row.content, row.entity)
            for row in await connection.execute(sa.select(memories).where(active, unexpired))
        }
        joined = sa.select(mentions, entity_names.c.key, entity_names.c.entity_id).join(
            entity_names, entity_names.c.id == mentions.c.name_id
        )
        named = (await connection.execute(joined)).all()
        found = {row.id: row for row in await connection.execute(sa.select(entities))}
        names = (await connection.execute(sa.select(entity_names))).all()
    return texts, named, found, names


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_counts_are_those_of_a_count_from_scratch(site, ann, clock, seed):
    life = Life(ann, clock, random.Random(seed))  # noqa: S311 - chance for a test
    for number in range(60):
        await life.step()
        if number % 6 == 5:
            shown = (await call_rest(ann, "list_entities", {})).body
            assert "notice" not in shown["meta"] or shown["meta"]["notice"] is None
            texts, named, found, names = await read_state(site.services.db, clock())
            assert {row.memory_id for row in named} <= texts.keys()
            for memory_id, (text, entity) in texts.items():
                keys = {row.key for row in named if row.memory_id == memory_id}
                certain = {each.key for each in find_entities(text)} | ({fold_entity_name(entity)} if entity else set())
                assert certain <= keys, text
            pairs = {(row.memory_id, row.entity_id) for row in named}
            about = {(row.memory_id, row.entity_id) for row in named if row.is_about}
            counts, about_counts = (Counter(each for _, each in some) for some in (pairs, about))
            assert {each.id: (each.memory_count, each.about_count) for each in found.values()} == {
                each: (counts[each], about_counts[each]) for each in found
            }
            used = {row.name_id for row in named}
            assert all(row.is_kept or row.id in used for row in names)
            assert {row.entity_id for row in names} == found.keys()
            assert all(each.name in {row.name for row in names if row.entity_id == each.id} for each in found.values())
            assert sorted(each["memory_count"] for each in shown["entities"]) == sorted(counts[each] for each in found)
