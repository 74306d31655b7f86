"""Links as rows: in step with the memories that have them, on both databases."""

import pytest
import sqlalchemy as sa
from alembic import command

from server.memory.models import Linkage
from server.store.migrate import migrate
from server.store.record import memories
from server.store.record.relations import graph
from server.store.tables.links import links

pytestmark = pytest.mark.anyio


def to(memory_id, label=None):
    return Linkage(type="memory", id=memory_id, label=label)


async def rows(ledger):
    query = sa.select(
        links.c.from_id, links.c.to_kind, links.c.to_id, links.c.path, links.c.label, links.c.workspace_id
    )
    async with ledger.db.read() as connection:
        return list(map(tuple, await connection.execute(query.order_by(links.c.from_id, links.c.position))))


async def graph_of(ledger, memory_id, depth=2):
    async with ledger.db.read() as connection:
        nodes, edges, truncated = await graph.read_graph(connection, ledger.workspace, memory_id, depth)
    return [(node.id, node.depth) for node in nodes], [(e.start, e.end, e.label) for e in edges], truncated


async def related_of(ledger, memory_id):
    async with ledger.db.read() as connection:
        outgoing, incoming, truncated = await graph.list_related(connection, ledger.workspace, memory_id)
    return [(n.id, n.type, n.label) for n in outgoing], [(n.id, n.type, n.label) for n in incoming], truncated


async def test_a_stored_memorys_links_are_rows(ledger):
    (target,) = await ledger.store("target")
    every = [to(target, "refines"), Linkage(type="item", id="i1"), Linkage(type="file", path="docs/a.md", label="x")]
    (source,) = await ledger.store("source", linkages=every)
    where = ledger.workspace
    assert await rows(ledger) == [
        (source, "memory", target, None, "refines", where),
        (source, "item", "i1", None, None, where),
        (source, "file", None, "docs/a.md", "x", where),
    ]


async def test_changed_links_replace_the_rows_and_other_changes_leave_them(ledger):
    first, second = await ledger.store("first", "second")
    (source,) = await ledger.store("source", linkages=[to(first)])
    await ledger.change(source, type="other")
    assert [row[2] for row in await rows(ledger)] == [first]
    await ledger.change(source, linkages=[{"type": "memory", "id": second}])
    assert [row[2] for row in await rows(ledger)] == [second]
    await ledger.change(source, linkages=[])
    assert await rows(ledger) == []


async def test_an_undone_change_leaves_the_rows(ledger, check_undone):
    (target,) = await ledger.store("target")
    (source,) = await ledger.store("source", linkages=[to(target)])
    await check_undone(ledger.db, lambda connection: memories.update_memory(connection, source, 99, {"linkages": []}))
    assert [row[2] for row in await rows(ledger)] == [target]


async def test_erased_links_are_gone(ledger, clock):
    (target,) = await ledger.store("target")
    (source,) = await ledger.store("source", linkages=[to(target, "secret label")])
    async with ledger.db.write() as connection:
        await memories.erase_content(connection, source, clock())
    assert await rows(ledger) == []


async def test_a_deleted_memory_is_no_neighbour_from_either_end(ledger):
    one, other = await ledger.store("one", "other")
    (middle,) = await ledger.store("middle", linkages=[to(one), to(other)])
    (above,) = await ledger.store("above", linkages=[to(middle)])
    await ledger.delete(one)
    await ledger.delete(above)
    assert await graph_of(ledger, middle, 5) == ([(middle, 0), (other, 1)], [(middle, other, "related")], False)
    assert await related_of(ledger, middle) == ([(other, "memory", "related")], [], False)


async def test_consolidated_and_expired_memories_are_neighbours(ledger, clock):
    (merged,) = await ledger.store("merged", consolidated=1)
    (expired,) = await ledger.store("expired", expires_at=clock())
    (source,) = await ledger.store("source", linkages=[to(merged), to(expired)])
    nodes, _, _ = await graph_of(ledger, source, 1)
    assert {each for each, _ in nodes} == {source, merged, expired}


async def test_links_without_a_label_are_related_and_those_to_files_are_sources(ledger):
    (target,) = await ledger.store("target")
    linkages = [to(target), Linkage(type="file", path="a.md"), Linkage(type="item", id="i1")]
    (source,) = await ledger.store("source", linkages=linkages)
    _, edges, _ = await graph_of(ledger, source, 1)
    assert set(edges) == {(source, target, "related"), (source, "file:a.md", "source")}
    outgoing, incoming, _ = await related_of(ledger, source)
    assert outgoing == [(target, "memory", "related"), ("a.md", "file", "source"), ("i1", "item", "related")]
    assert incoming == []


async def test_circles_and_self_links_that_are_there_do_no_harm(ledger):
    first, second = await ledger.store("first", "second")
    await ledger.change(first, linkages=[{"type": "memory", "id": second}, {"type": "memory", "id": first}])
    await ledger.change(second, linkages=[{"type": "memory", "id": first}])
    nodes, edges, _ = await graph_of(ledger, first, 5)
    assert nodes == [(first, 0), (second, 1)]
    assert len(edges) == 3


async def test_a_hub_is_cut_at_its_bound_and_says_so(ledger, monkeypatch):
    monkeypatch.setattr(graph, "NODES", 5)
    (hub,) = await ledger.store("hub")
    await ledger.store(*map(str, range(8)), linkages=[to(hub)])
    nodes, edges, truncated = await graph_of(ledger, hub, 5)
    assert (len(nodes), len(edges), truncated) == (5, 4, True)
    _, incoming, truncated = await related_of(ledger, hub)
    assert (len(incoming), truncated) == (5, True)
    monkeypatch.setattr(graph, "LINKS", 3)
    nodes, _, truncated = await graph_of(ledger, hub, 1)
    assert (len(nodes), truncated) == (4, True)


async def test_a_link_into_another_workspace_leads_nowhere(ledger, make_ledger, clock):
    """None can be made; but what is in the record is not trusted either."""
    other = await make_ledger(ledger.db, clock, "bob")
    (mine,) = await ledger.store("mine")
    (theirs,) = await other.store("theirs", linkages=[to(mine)])
    assert (await graph_of(ledger, mine, 2))[0] == [(mine, 0)]
    assert (await related_of(ledger, mine))[1] == []
    assert (await graph_of(other, theirs, 2))[0] != []


async def test_the_index_finds_what_links_to_a_memory(book):
    (hub,) = await book.store("hub")
    await book.store("x", linkages=[to(hub)])
    where = "workspace_id='w' AND to_id IN ('a','b') ORDER BY to_id, from_id"
    query = f"EXPLAIN QUERY PLAN SELECT from_id FROM links WHERE {where}"  # noqa: S608 - no value of anybody's
    async with book.db.read() as connection:
        plan = " ".join(row[3] for row in await connection.exec_driver_sql(query))
    assert "ix_links_to_id" in plan
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan


async def test_the_migration_makes_rows_of_the_links_that_are_there(ledger, monkeypatch):
    (target,) = await ledger.store("target")
    every = [to(target, "refines"), Linkage(type="item", id="i1"), Linkage(type="file", path="docs/a.md")]
    await ledger.store("source", "second", linkages=every)
    before = await rows(ledger)
    assert len(before) == 6
    async with ledger.db.write() as connection:
        for name in ("consolidations", "consolidation_runs", "ticks", "links"):
            await connection.execute(sa.text(f"DROP TABLE {name}"))
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '0005'"))
    upgrade = command.upgrade
    monkeypatch.setattr("server.store.migrate.HEAD", "0006")
    monkeypatch.setattr("alembic.command.upgrade", lambda config, _head: upgrade(config, "0006"))
    assert await migrate(ledger.db) == "0005"
    assert await rows(ledger) == before
