"""Names and ids in reports. A credential in one of them is not stored."""

import hashlib
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from server.memory.credentials import redact_credentials
from tools.core.fields import Name, Word

#: The most characters of a name, and of an id, as they are stored.
_LONGEST, _LONGEST_ID = 100, 200


@lru_cache(maxsize=1024)  # types and clients are few, and each event names them
def clean_name(name: str) -> str:
    """Return a name with the kind of each credential in its place."""
    cleaned = redact_credentials(name)
    return name if cleaned == name else cleaned[:_LONGEST]


def clean_id(given: str) -> str:
    """Return an id without credentials. The ids that different credentials leave are different, too."""
    cleaned = clean_name(given)
    return given if cleaned == given else f"{cleaned} {hashlib.sha256(given.encode()).hexdigest()[:12]}"


def _fit_name(name: str | None) -> str | None:
    return clean_name(name.strip())[:_LONGEST].strip() or None if name else None


def _fit_id(given: str | None) -> str | None:
    if not given or not given.strip():
        return None
    cleaned = clean_id(given)
    if len(cleaned) <= _LONGEST_ID:
        return cleaned
    return f"{cleaned[:_LONGEST]} {hashlib.sha256(given.encode()).hexdigest()[:12]}"


#: A name and an id in a hook's event, which no length refuses: a longer one is cut, and such ids differ if they did.
HookName = Annotated[str | None, AfterValidator(_fit_name)]
HookId = Annotated[str | None, AfterValidator(_fit_id)]
ReportedWord = Annotated[Word, AfterValidator(clean_name)]
ReportedName = Annotated[Name, AfterValidator(clean_name)]
#: An id that the agent gave, and not Loci.
ReportedKey = Annotated[Name, AfterValidator(clean_id)]
