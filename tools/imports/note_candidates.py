"""From a line of an export that is no memory to something that can be stored, or to the reason why it cannot be."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from server.errors import Failure
from server.memory.imports.item import Note, Refusal, digest_key
from server.memory.settings import CredentialRule
from server.storable import make_storable
from tools.core.input.refusals import list_problems
from tools.core.input.screening import list_problems as list_credentials
from tools.core.input.screening import redact, screen_here
from tools.imports.candidates import NOTICED, REDACTED
from tools.imports.note_lines import LINES, ChangeLine, EntityLine, ImageLine, ImportKeysLine, SectionLine, SettingLine
from tools.settings import parse_setting


@dataclass(frozen=True, slots=True)
class NoteCandidate:
    """A line that can be stored. `name` is its id or its name; with the kind it tells it from all others."""

    note: Note
    name: str
    digest: str
    line: Any
    notice: str | None = None


def prepare_note(note: Note, rule: CredentialRule) -> NoteCandidate | Refusal:
    """Return a line as it can be stored, or its refusal."""
    model = LINES.get(note.kind)
    if model is None:
        return Refusal(note.place, f"is a line of the kind {note.kind!r}, which this version does not know")
    try:
        line = model.model_validate(make_storable(dict(note.values)))
        if isinstance(line, SettingLine):
            line.value = parse_setting(line.key, line.value)
    except ValidationError as error:
        problem = list_problems(error, model)[0]
        return Refusal(note.place, f"{problem.field}: {problem.message}")
    except Failure as failure:
        return Refusal(note.place, str(failure))
    notice = None
    if not isinstance(line, ImageLine | SettingLine | ImportKeysLine) and (found := screen_here(line)).kinds:
        if rule == "refuse":
            problem = list_credentials(found.kinds)[0]
            return Refusal(note.place, f"{problem.field}: {problem.message}")
        notice = REDACTED if rule == "redact" else NOTICED
        line = redact(line, found.redacted) if rule == "redact" else line
    name = _find_name(line)
    return NoteCandidate(note, name, digest_key(f"loci {note.kind} {name}"), line, notice)


def _find_name(line: BaseModel) -> str:
    if isinstance(line, SettingLine):
        return line.key
    if isinstance(line, EntityLine):
        return line.name
    if isinstance(line, SectionLine):
        return line.name.lower()
    if isinstance(line, ImportKeysLine):
        return min(line.keys)
    if isinstance(line, ChangeLine | ImageLine):
        return line.memory_id
    return str(getattr(line, "id", ""))
