"""Long documents: several memories, each a part, with links to the first. They are read as a whole here."""

from server.memory.imports.texts import PART_OF
from server.memory.models import Memory
from server.store.db import Database
from server.store.record import memory_lists

#: The most bytes of a document that is answered as a whole.
MOST_BYTES = 256 * 1024


async def read_document(db: Database, workspace_id: str, memory: Memory) -> tuple[str, str | None]:
    """Return the whole text of the document that a memory is a part of, and a notice if it is too long.

    The text of a memory that is no part is its content.
    """
    parts = memory.metadata.get("parts")
    if not isinstance(parts, int) or parts < 2:  # noqa: PLR2004 - one part is the whole
        return memory.content, None
    first = next((link.id for link in memory.linkages if link.label == PART_OF and link.id), memory.id)
    async with db.read() as connection:
        found = await memory_lists.list_parts(connection, workspace_id, first, PART_OF)
    ordered = sorted(found, key=_find_number)
    text = "\n\n".join(each.content for each in ordered)
    if len(ordered) < 2:  # noqa: PLR2004 - as above
        return memory.content, None
    if len(text.encode()) > MOST_BYTES:
        notice = (
            f"This is one of {len(ordered)} parts of a long document; `related_memories` of {first} has the others."
        )
        return memory.content, notice
    return text, None


def _find_number(part: Memory) -> int:
    number = part.metadata.get("part")
    return number if isinstance(number, int) else 0
