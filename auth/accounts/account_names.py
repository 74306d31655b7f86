"""The names that accounts may have: which can be used, and the refusal of one that is taken."""

import re
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.store.record.people.accounts import NameTaken, User, create_user

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?")


def check_name(name: str) -> None:
    """Check that a user name can be used.

    Raises:
        Failure: `invalid`.
    """
    if not _NAME.fullmatch(name):
        raise Failure(
            "invalid", "Choose a name of 1 to 64 letters, digits and . _ @ + - (not at its ends).", field="name"
        )


def name_taken(name: str) -> Failure:
    """Return the refusal of a name that another user has."""
    return Failure("conflict", f"There is already a user named {name!r}. Choose another name.", field="name")


async def create_named_user(
    connection: AsyncConnection,
    *,
    name: str,
    password_hash: str | None,
    is_admin: bool,
    now: datetime,
    default_workspace: str = "default",
) -> User:
    """Store a user with a personal account of the same name, and return the user.

    Raises:
        Failure: `conflict` if the name is taken.
    """
    try:
        return await create_user(
            connection,
            name=name,
            password_hash=password_hash,
            is_admin=is_admin,
            now=now,
            default_workspace=default_workspace,
        )
    except NameTaken:
        raise name_taken(name) from None
