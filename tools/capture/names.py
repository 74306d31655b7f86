"""Names and ids in reports. A credential in one of them is not stored."""

import hashlib
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from server.memory.credentials import redact_credentials
from tools.core.fields import Id, Name, Word

#: The most characters of a name, as it is stored.
_LONGEST = 100


@lru_cache(maxsize=1024)  # types and clients are few, and each event names them
def clean_name(name: str) -> str:
    """Return a name with the kind of each credential in its place."""
    cleaned = redact_credentials(name)
    return name if cleaned == name else cleaned[:_LONGEST]


def clean_id(given: str) -> str:
    """Return an id without credentials. The ids that different credentials leave are different, too."""
    cleaned = clean_name(given)
    return given if cleaned == given else f"{cleaned} {hashlib.sha256(given.encode()).hexdigest()[:12]}"


ReportedWord = Annotated[Word, AfterValidator(clean_name)]
ReportedName = Annotated[Name, AfterValidator(clean_name)]
#: Ids that the agent gave, and not Loci: any text, and one that is a name.
ReportedId = Annotated[Id, AfterValidator(clean_id)]
ReportedKey = Annotated[Name, AfterValidator(clean_id)]
