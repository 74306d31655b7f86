"""Names of accounts, users and workspaces: two that differ in their case or in their Unicode form only are one."""

import unicodedata


def fold_name(name: str) -> str:
    """Return the form in which names are compared: NFC, without case. A name is stored as it was written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
