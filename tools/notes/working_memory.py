"""Working memory as a document: its sections, and the items that stand beside them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.notes.section_forms import rewrite_as_list
from server.memory.notes.section_lines import LISTED, drop_entries, find_entries
from server.memory.notes.skip import MOST_ENTRIES
from server.memory.notes.working import SEEDS, Item, Section, complete_sections, find_section_key
from server.names import find_name_fault
from server.store.record.notes import section_items, working_memory
from server.store.record.notes.working_memory import ItemListing
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Prose
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.transaction import open_change

_KEPT_ENTRIES = (
    "The section also lists the entries that were added otherwise: writing it does not remove them. Use remove_skip or "
    "delete_item."
)
_REWRITTEN = "The entries of the list are kept as one line each."
#: How many items the document shows; `list_items` has them all.
SHOWN = 200
#: How many sections a workspace may have beside those that are always there.
OWN_SECTIONS = 100


def _check_section_name(name: str) -> str:
    if name.lower() == "items":
        raise ValueError("cannot be 'items': that is where the items are. Use another name")
    return name


SectionName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^/\x00-\x1f]+$"),
    AfterValidator(_check_section_name),
]


class WorkingMemory(Answer):
    """The whole of working memory."""

    sections: list[Section] = Field(description="The sections, the built-in ones first.")
    items: list[Item] = Field(description="The items that are not archived, the most important first.")
    total_items: int = Field(description="The number of such items.")


class SectionRef(InWorkspace):
    """The arguments of `read_section`."""

    section: SectionName = Field(
        description="Its name or heading: active_work, standing_decisions, skip_list, activity_log, session_notes, or "
        "one of your own."
    )


class SectionAnswer(Answer):
    """One section."""

    section: Section = Field(description="The section.")


class UpdateWorkingMemory(SectionRef):
    """The arguments of `update_working_memory`."""

    content: Prose = Field(
        description="The section's new markdown, in place of all earlier text. Empty text removes a section of your "
        "own. At most 32 KiB. In skip_list and standing_decisions each list item is an entry of that list: "
        "`- Tailwind: it is too large`."
    )


class WrittenSection(Answer):
    """The section that was written."""

    section: Section = Field(description="The section as it is stored.")


async def read_working_memory(services: Services, call: Call, args: InWorkspace) -> WorkingMemory:  # noqa: ARG001 - a handler's signature
    """Return every section, and the most important items; `meta.notice` says if there are more items."""
    return await read_all(services, call)


async def read_all(services: Services, call: Call) -> WorkingMemory:
    """Return the whole of working memory: every section, and the most important items."""
    listing = ItemListing(statuses=("active", "paused", "completed"), added_as_items=True, limit=SHOWN)
    async with services.db.read() as connection:
        written = await working_memory.list_sections(connection, call.id_for_reading)
        sections = await section_items.complete_texts(
            connection, call.id_for_reading, complete_sections(written), services.now()
        )
        items, total = await working_memory.list_items(connection, call.id_for_reading, listing)
    notice = None
    if total > SHOWN:
        notice = f"These are the {SHOWN} most important of {total} items; archive what is done with."
    return WorkingMemory(meta=call.build_meta(notice), sections=sections, items=items, total_items=total)


async def read_section(services: Services, call: Call, args: SectionRef) -> SectionAnswer:
    """Return one section by its name or heading, in upper or lower case. Raises `not_found`."""
    name = find_section_key(args.section)
    async with services.db.read() as connection:
        found = await working_memory.get_section(connection, call.id_for_reading, name)
        if found is None and name in SEEDS:
            found = Section(name=name, heading=SEEDS[name], content="")
        if found is None:
            raise Failure("not_found", f'Section "{args.section}" not found in working memory.', field="section")
        (found,) = await section_items.complete_texts(connection, call.id_for_reading, [found], services.now())
    return SectionAnswer(meta=call.meta, section=found)


async def update_working_memory(services: Services, call: Call, args: UpdateWorkingMemory) -> WrittenSection:
    """Write a section; a new name makes a new section. Raises `conflict` if there are too many.

    The lines of `skip_list` and `standing_decisions` become items of these lists.
    """
    return await write_section(services, call, args.section, lambda _: args.content)


async def write_section(services: Services, call: Call, section: str, revise: Callable[[str], str]) -> WrittenSection:
    """Write what `revise` makes of the present text of a section. No other writer comes between.

    Raises:
        Failure: `conflict` if there are too many sections, or too many entries in one that is a list; what `revise`
            raises.
    """
    name, now = find_section_key(section), services.now()
    async with open_change(services, call, {"section": name}) as (connection, placed):
        workspace = placed.workspace.id
        existing = await working_memory.get_section(connection, workspace, name)
        if existing is None and name not in SEEDS:
            if (fault := find_name_fault(section)) is not None:
                raise Failure("invalid", f"section: {fault}.", field="section")
            await _check_room_for_section(connection, workspace)
        heading = SEEDS.get(name, section) if existing is None else existing.heading
        before = existing or Section(name=name, heading=heading, content="")
        (before,) = await section_items.complete_texts(connection, workspace, [before], now)
        content = wanted = sent = revise(before.content)
        if name in LISTED:
            wanted = rewrite_as_list(sent)
            content = await _write_list(connection, workspace, name, wanted, now)
        written = Section(name=name, heading=heading, content=content, updated_at=now)
        await working_memory.put_section(connection, workspace, written, now)
        if not content.strip() and name not in SEEDS:  # its name is its writer's own words as well
            await working_memory.delete_section(connection, workspace, name)
        services.db.note_overwriting()  # before the commit: the emptying of the log waits for this transaction
        (shown,) = await section_items.complete_texts(connection, workspace, [written], now)
    notices = [_KEPT_ENTRIES] if shown.content != wanted else []
    notices += [_REWRITTEN] if wanted != sent else []
    return WrittenSection(meta=placed.build_meta(" ".join(notices) or None), section=shown)


async def _write_list(connection: AsyncConnection, workspace_id: str, name: str, content: str, now: datetime) -> str:
    """Make the lines of a section items of its list, and return the text to keep.

    Items that were added in other ways stay, and their lines are not kept twice.

    Raises:
        Failure: `conflict` if the list would have too many entries.
    """
    others = (await section_items.list_other_lines(connection, workspace_id, now))[name]
    kept = drop_entries(content, frozenset(others))
    lines = find_entries(kept)
    if len(lines) + len(others) > MOST_ENTRIES:
        message = (
            f"content: the list would have more than {MOST_ENTRIES} entries; leave out those that no longer matter."
        )
        raise Failure("conflict", message, field="content")
    await section_items.replace_lines(connection, workspace_id, LISTED[name], lines, now)
    return kept


async def _check_room_for_section(connection: AsyncConnection, workspace_id: str) -> None:
    if await working_memory.count_own_sections(connection, workspace_id) >= OWN_SECTIONS:
        raise Failure(
            "conflict",
            f"section: there are {OWN_SECTIONS} sections of your own; write into one of them instead.",
            field="section",
        )


OPERATIONS = (
    Operation(
        name="read_working_memory",
        description=(
            "Read the working memory: the work in hand, standing decisions, things that wait for somebody else, notes "
            "of the last session. Read it at the start of a session, before you ask the person where you stopped. "
            "Items come with their ids."
        ),
        routes=(("GET", "/v1/working-memory"),),
        scope="memory:read",
        effect=Effect.READ,
        args=InWorkspace,
        returns=WorkingMemory,
        handler=read_working_memory,
    ),
    Operation(
        name="read_section",
        description=(
            "Read one section of working memory, by its name or heading. read_working_memory returns all of them."
        ),
        routes=(("GET", "/v1/working-memory/{section}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=SectionRef,
        returns=SectionAnswer,
        handler=read_section,
        is_listed=False,
    ),
    Operation(
        name="update_working_memory",
        description=(
            "Replace the text of a section of working memory: read it first, and send the whole new text. Use it for "
            "running text, e.g. session_notes at the end of a session. For one task or decision use add_item; for a "
            "fact that lasts use store_memory."
        ),
        routes=(("PUT", "/v1/working-memory/{section}"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UpdateWorkingMemory,
        returns=WrittenSection,
        handler=update_working_memory,
    ),
)
