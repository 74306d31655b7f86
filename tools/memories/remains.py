"""The copies of the record that still hold what was erased. The answer of an erasure names them, and their end."""

from dataclasses import dataclass

from server.store.record_copies import list_record_copies, tell_end
from tools.core.services import Services

#: The tries to empty the log while the caller waits: some three seconds, if somebody reads all the time.
ERASURE_TRIES = 4

_IN_COPIES = "A copy of the whole record still holds its words."
_IN_LOG = (
    "Its words are still in the log of the database, because a backup or another reader holds it; they are removed by "
    "themselves as soon as that ends."
)


@dataclass(frozen=True, slots=True)
class Remains:
    """The files that still hold what was erased; with Postgres, schemas of the database.

    Attributes:
        files: their names.
        notice: what removes each, in sentences; None if there is none.
    """

    files: list[str]
    notice: str | None


async def find_remains(services: Services) -> Remains:
    """Empty the log of the record, and return the files that hold what was just erased."""
    is_log_empty = await services.db.empty_log(ERASURE_TRIES)
    copies = await list_record_copies(services.db)
    files = [each.name for each in copies]
    sentences = [_IN_COPIES, *map(tell_end, copies)] if copies else []
    if not is_log_empty:
        files.append(services.db.log_name)
        sentences.append(_IN_LOG)
    return Remains(files, " ".join(sentences) or None)
