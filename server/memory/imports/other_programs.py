"""Memories of Memento, Hindsight, Letta and Gemini: lists, banks, agent files and Takeout's activities."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from server.memory.imports.item import Entry, Link, Record
from server.memory.imports.texts import make_items
from server.memory.imports.values import drop_empty, read_list, read_name, read_object, read_tags, read_text, read_time

_TAG = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/li|/h[1-6]|/tr)\b[^>]*>", re.IGNORECASE)
_PROMPTED = re.compile(r"\A(?:Prompted|Asked|Said)\s+")
_SESSION = re.compile(r"/app/([\w-]+)")


def is_memento(record: Record) -> bool:
    """Whether a record is a memory of Memento: of the list of its API, or a file of its own folder."""
    value = record.value
    return isinstance(value.get("content"), str) and {"id", "type", "tags"} <= value.keys() and "kind" not in value


def convert_memento(record: Record) -> Iterator[Entry]:
    """Yield a memory of Memento, with its links to other memories and to files."""
    value = record.value
    links: list[Link] = []
    for each in map(read_object, read_list(value.get("linkages"))):
        kind, label = str(each.get("type", "memory")), read_text(each, "label") or None
        path = read_text(each, "path") or None
        links.append(Link(f"memento {each.get('id')}", label, "file" if kind == "file" else kind, path))
    yield from make_items(
        record.place,
        f"memento {value['id']}",
        read_text(value, "content"),
        names=(f"memento {value['id']}",),
        links=tuple(links),
        type=read_name(value, "type"),
        tags=read_tags(value.get("tags")),
        occurred_at=read_time(value.get("created_at")) or read_time(value.get("timestamp")),
        expires_at=read_time(value.get("expires_at")) or read_time(value.get("expires")),
        source="memento",
    )


def is_hindsight(record: Record) -> bool:
    """Whether a record is a document of a bank of Hindsight."""
    return isinstance(record.value.get("facts"), list) and bool({"original_text", "chunks"} & record.value.keys())


def is_hindsight_manifest(record: Record) -> bool:
    """Whether a record says what a bank of Hindsight is. It holds nothing to remember."""
    return {"schema_version", "source_bank_id"} <= record.value.keys()


def convert_hindsight(record: Record) -> Iterator[Entry]:
    """Yield the document, and each of its facts with links to the document and to its causes."""
    value = record.value
    document = f"hindsight {read_text(value, 'id') or record.place}"
    tags, when = read_tags(value.get("tags")), read_time(value.get("created_at"))
    chunks = (read_text(read_object(each), "chunk_text") for each in read_list(value.get("chunks")))
    text = read_text(value, "original_text") or "\n\n".join(each for each in chunks if each)
    common: dict[str, Any] = {"source": "hindsight"}
    yield from make_items(
        record.place, document, text, names=(document,), type="document", tags=tags, occurred_at=when, **common
    )
    for number, given in enumerate(read_list(value.get("facts"))):
        fact = read_object(given)
        causes = (read_object(each) for each in read_list(fact.get("causal_relations")))
        links = [
            Link(f"{document} {cause.get('target_fact_index')}", read_text(cause, "relation_type") or "caused by")
            for cause in causes
        ]
        entities = [read_object(each).get("name", each) for each in read_list(fact.get("entities"))]
        yield from make_items(
            f"{record.place}, fact {number + 1}",
            f"{document} fact {number}",
            read_text(fact, "text"),
            names=(f"{document} {number}",),
            links=(*([Link(document, "from")] if text else []), *links),
            type=read_name(fact, "fact_type"),
            tags=[*tags, *(each for each in read_tags(fact.get("tags")) if each not in tags)],
            entity=read_name({"name": entities[0]}, "name") if entities else None,
            occurred_at=read_time(fact.get("occurred_start")) or read_time(fact.get("mentioned_at")) or when,
            metadata=drop_empty(read_object(fact.get("metadata"))),
            **common,
        )


def is_agent_file(record: Record) -> bool:
    """Whether a record is an agent file of Letta, in either of its layouts."""
    value = record.value
    return not record.section and (
        {"agents", "blocks"} <= value.keys() or {"agent_type", "core_memory"} <= value.keys()
    )


def convert_agent_file(record: Record) -> Iterator[Entry]:
    """Yield a memory for each block of an agent's memory. Messages and tools are left out."""
    value = record.value
    agents = [read_object(each) for each in read_list(value.get("agents"))] or [value]
    blocks = [
        *read_list(value.get("blocks")),
        *(each for agent in agents for each in read_list(agent.get("core_memory"))),
    ]
    name = read_name(agents[0], "name")
    for number, given in enumerate(blocks, 1):
        block = read_object(given)
        label, text = read_text(block, "label"), read_text(block, "value")
        yield from make_items(
            f"{record.place}, block {label or number}",
            f"letta {name} {label} {read_text(block, 'id')}",
            f"{label}\n\n{text}" if label and text else text,
            type="identity" if label == "persona" else None,
            tags=["letta", label] if label else ["letta"],
            occurred_at=read_time(block.get("updated_at")) or read_time(block.get("created_at")),
            source=name or "letta",
            metadata={"description": read_text(block, "description")} if read_text(block, "description") else {},
        )


def is_gemini(record: Record) -> bool:
    """Whether a record is an activity of Gemini in Google's Takeout."""
    value = record.value
    return (
        "time" in value
        and {"header", "title"} <= value.keys()
        and "Gemini" in f"{value['header']} {value.get('products')}"
    )


def convert_gemini(record: Record) -> Iterator[Entry]:
    """Yield what the person asked and what Gemini answered."""
    value = record.value
    found = _SESSION.search(read_text(value, "titleUrl"))
    when = read_time(value.get("time"))
    for number, (author, text) in enumerate(_list_turns(value)):
        yield from make_items(
            f"{record.place}, {author}",
            f"gemini {when} {number} {read_text(value, 'title')[:200]}",
            text,
            author=author,
            session=found[1] if found else None,
            occurred_at=when,
            source="gemini",
        )


def _list_turns(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the author and the text of each turn, in whichever layout the activity has."""
    parts = {read_text(each, "name").lower(): each for each in map(read_object, read_list(value.get("details")))}
    interactions = [read_object(each) for each in read_list(value.get("userInteractions"))]
    request = read_text(parts.get("request", {}), "value")
    if not request and not interactions:
        request = _PROMPTED.sub("", read_text(value, "title"))
    yield "user", request
    for each in interactions:
        yield "user", read_text(each, "request", "prompt", "userInput")
        yield "assistant", _read_html(read_text(each, "response", "modelResponse"))
    answers = (read_text(read_object(each), "html") for each in read_list(value.get("safeHtmlItem")))
    yield "assistant", _read_html(read_text(parts.get("response", {}), "value") or "\n".join(answers))


def _read_html(text: str) -> str:
    """Return the text that a person sees of HTML; other text as it is."""
    if "<" not in text:
        return text
    plain = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    return "\n".join(line.strip() for line in plain.splitlines() if line.strip())
