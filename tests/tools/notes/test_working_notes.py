"""The working notes: one tool that reads working memory as one text, and writes a section of it."""

import pytest

from tests.helpers.doors import call_rest, call_tool, check_refusal
from tools.core.fields import CONTENT_BYTES

pytestmark = pytest.mark.anyio


async def use_notes(person, **arguments):
    answer = await call_tool(person, "working_notes", arguments)
    assert answer.error is None
    return answer.text


async def test_notes_are_empty_then_added_to_and_then_replaced(ann):
    assert await use_notes(ann) == "There are no notes yet."
    assert await use_notes(ann, add="Stopped at the dump.") == "## Session Notes\n\nStopped at the dump."
    assert (
        await use_notes(ann, add="Next: the totals.") == "## Session Notes\n\nStopped at the dump.\nNext: the totals."
    )
    await use_notes(ann, section="active_work", content="Move heron to Postgres")
    await call_rest(ann, "add_item", {"category": "waiting_for", "title": "Ben's answer"})
    text = await use_notes(ann)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        *("## Active Work", "## Session Notes", "## Waiting For", "### Ben's answer"),
    ]
    assert (
        await use_notes(ann, section="Session Notes") == "## Session Notes\n\nStopped at the dump.\nNext: the totals."
    )
    assert await use_notes(ann, section="session_notes", content="Done.") == "## Session Notes\n\nDone."


async def test_a_line_that_is_added_to_the_skip_list_is_an_entry_of_it(ann):
    await call_rest(ann, "add_skip", {"item": "tea", "reason": "cold", "expires": "2099-01-01"})
    await use_notes(ann, section="skip_list", add="- Tailwind: it is too large")
    entries = (await call_rest(ann, "list_skips", {})).body["entries"]
    assert sorted(each["item"] for each in entries) == ["Tailwind", "tea"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"add": "a", "content": "b"}, "content replaces the section and add adds to it; send one of the two"),
        ({"add": "x" * (CONTENT_BYTES + 1)}, f"add: must be at most {CONTENT_BYTES} bytes of UTF-8"),
        ({"section": "items", "add": "a"}, "section: cannot be 'items'"),
        ({"section": "x/y"}, "section: "),
    ],
)
async def test_notes_that_make_no_sense_are_refused_and_nothing_is_written(ann, arguments, says):
    await check_refusal(ann, "working_notes", arguments, says=says)
    assert await use_notes(ann) == "There are no notes yet."


async def test_a_section_does_not_grow_beyond_its_bound(ann):
    await use_notes(ann, content="x" * (CONTENT_BYTES - 1))
    await check_refusal(ann, "working_notes", {"add": "yy"}, says="add: the section would have")
    assert len(await use_notes(ann, section="session_notes")) < CONTENT_BYTES + 100


async def test_a_section_that_is_not_there_is_not_found(ann):
    await check_refusal(ann, "working_notes", {"section": "plans"}, status=404, code="not_found", says="plans")
