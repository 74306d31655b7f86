"""`memory.jsonl` of the official MCP memory server: entities with observations, and relations between entities.

An observation becomes a memory about its entity. A relation becomes a memory that says it in words, so that it can be
recalled, with links to both entities; its metadata has the parts, as the tools of that server store them here.
"""

from collections.abc import Iterator

from server.memory.imports.item import Entry, Item, Link, Record, Refusal
from server.memory.imports.texts import make_items
from server.memory.imports.values import WORD, read_list, read_name, read_text

#: The type of a memory that says a relation, and the key of its parts in its metadata.
RELATION = "relation"


def is_graph_line(record: Record) -> bool:
    """Whether a record is an entity or a relation."""
    value = record.value
    if value.get("type", "entity") == "entity" and "name" in value and "observations" in value:
        return "entityType" in value or record.section == "entities"
    return {"from", "to", "relationType"} <= value.keys()


def convert_graph_line(record: Record) -> Iterator[Entry]:
    """Yield the memories of an entity or of a relation."""
    if "relationType" in record.value:
        yield _make_relation(record)
    else:
        yield from _make_entity(record)


def _make_entity(record: Record) -> Iterator[Entry]:
    name, kind = read_name(record.value, "name"), read_text(record.value, "entityType")
    if name is None:
        yield Refusal(record.place, "is an entity without a name; give it one")
        return
    said = [each.strip() for each in read_list(record.value.get("observations")) if isinstance(each, str)]
    said = [each for each in dict.fromkeys(said) if each] or [f"{name} ({kind})" if kind else name]
    for number, text in enumerate(said):
        yield from make_items(
            f"{record.place}, observation {number + 1}",
            f"memory-server {name}: {text}",
            text,
            names=(f"memory-server {name}",),
            entity=name,
            tags=[kind[:WORD]] if kind else [],
        )


def _make_relation(record: Record) -> Item | Refusal:
    value = record.value
    start, end, word = read_name(value, "from"), read_name(value, "to"), read_text(value, "relationType")
    if start is None or end is None or not word:
        return Refusal(record.place, "is a relation without `from`, `to` or `relationType`; give it all three")
    text = f"{start} {word.replace('_', ' ')} {end}"
    links = (Link(f"memory-server {start}", None), Link(f"memory-server {end}", word[:WORD]))
    said = {"from": start, "to": end, "relationType": word[:WORD]}
    values = {
        "content": text,
        "type": RELATION,
        "entity": start,
        "tags": [RELATION],
        "metadata": {RELATION: said},
    }
    return Item(record.place, f"memory-server {start} -{word}-> {end}", values, (), links)
