"""The names of users: the rule for a new name, and the refusal of a name that is taken."""

import unicodedata
from collections.abc import Generator
from contextlib import contextmanager

from auth.texts import say
from server.errors import Failure
from server.names import find_name_fault
from server.store.record.people.accounts import NameTaken

MAX_LENGTH = 64
_SIGNS = "._@+-"
#: The Unicode categories of the characters that may stand anywhere in a name: letters, marks and digits.
_CATEGORIES = frozenset({"L", "M", "N"})


def check_name(name: str) -> None:
    """Check that a user name can be used. It may have the letters and digits of any script.

    Raises:
        Failure: `invalid`.
    """
    is_word = [unicodedata.category(character)[0] in _CATEGORIES for character in name]
    if len(name) <= MAX_LENGTH and (fault := find_name_fault(name)) is not None:
        raise Failure("invalid", f"The name {fault}.", field="name")
    is_well_formed = all(fits or character in _SIGNS for fits, character in zip(is_word, name, strict=True))
    # A mark at the beginning would be drawn on the character before the name.
    starts_well = bool(name) and unicodedata.category(name[0])[0] != "M"
    if not (1 <= len(name) <= MAX_LENGTH and is_well_formed and starts_well and is_word[0] and is_word[-1]):
        message = say(
            "Choose a name of 1 to %(most)s letters, digits and %(signs)s (not at its ends).",
            most=MAX_LENGTH,
            signs=" ".join(_SIGNS),
        )
        raise Failure("invalid", message, field="name")


def failure_from_taken_name(name: str) -> Failure:
    """Return the refusal of a name that another user has."""
    message = say(
        "There is already a user named %(name)s; capital letters make no difference. Choose another name.",
        name=repr(name),
    )
    return Failure("conflict", message, field="name")


@contextmanager
def taken_name_as_failure(name: str) -> Generator[None]:
    """Raise the `NameTaken` of the block, which stores a user with this name, as a `Failure`."""
    try:
        yield
    except NameTaken:
        raise failure_from_taken_name(name) from None
