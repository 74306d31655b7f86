"""The working notes: working memory as one text, to read and to write by one tool."""

from typing import Self

from pydantic import Field, model_validator

from server.errors import Failure
from server.memory.notes.working import SEEDS, render_notes, render_section
from tools.core.answers import AnswerText
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import CONTENT_BYTES, Prose
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.notes.working_memory import SectionName, SectionRef, read_all, read_section, write_section

#: The section that is written if the call names none.
DEFAULT_SECTION = "session_notes"


class WorkingNotes(InWorkspace):
    """The arguments of `working_notes`."""

    section: SectionName | None = Field(
        default=None,
        description=f"Which notes: {', '.join(SEEDS)}, or a name of your own. Default: all to read, {DEFAULT_SECTION} "
        "to write.",
    )
    content: Prose | None = Field(default=None, description="The new text of the section, in place of the old one.")
    add: Prose | None = Field(default=None, description="Text to add at its end instead.")

    @model_validator(mode="after")
    def _refuse_two_texts(self) -> Self:
        if self.content is not None and self.add is not None:
            raise ValueError("content replaces the section and add adds to it; send one of the two")
        return self


async def use_working_notes(services: Services, call: Call, args: WorkingNotes) -> AnswerText:
    """Return the notes, or one section of them; with a text, write it first. `text` is markdown.

    Raises:
        Failure: `not_found` for a section that is not there; `invalid` if a section would become longer than 32 KiB;
            `conflict` if there are too many sections, or too many entries in one that is a list.
    """
    if args.content is not None or args.add is not None:
        written = await write_section(services, call, args.section or DEFAULT_SECTION, lambda old: _revise(old, args))
        return AnswerText(text=render_section(written.section), meta=written.meta)
    if args.section is not None:
        ref = SectionRef(workspace=args.workspace, section=args.section)
        found = await read_section(services, call, ref)
        return AnswerText(text=render_section(found.section), meta=found.meta)
    whole = await read_all(services, call)
    return AnswerText(text=render_notes(whole.sections, whole.items), meta=whole.meta)


def _revise(old: str, args: WorkingNotes) -> str:
    if args.content is not None:
        return args.content
    revised = "\n".join(filter(None, (old.rstrip(), args.add)))
    size = len(revised.encode())
    if size > CONTENT_BYTES:
        message = f"add: the section would have {size} bytes of UTF-8, and {CONTENT_BYTES} is the most. Write it anew, "
        raise Failure("invalid", f"{message}shorter, with content.", field="add")
    return revised


OPERATIONS = (
    Operation(
        name="working_notes",
        description=(
            "Your notes on the work in hand, which the next session reads. Without a text it returns them: read them "
            "before you ask the person where you stopped. With `add` or `content` it writes. At the end of a session "
            "note what is done, what is open and the next step. A fact that lasts belongs in store_memory."
        ),
        routes=(("POST", "/v1/working-memory"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=WorkingNotes,
        returns=AnswerText,
        handler=use_working_notes,
    ),
)
