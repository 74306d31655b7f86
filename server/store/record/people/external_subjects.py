"""Rows of external subjects: the people as issuers know them. The caller owns the transaction."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId, new_id
from server.store.tables.accounts import external_subjects, users


class SubjectTaken(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The subject belongs to a user already."""


@dataclass(frozen=True, slots=True)
class ExternalSubject:
    """A person as an issuer knows them, and the user who that is.

    Attributes:
        id: an id of the two together.
        user_id: the user.
        account_id: the user's personal account.
        is_disabled: whether the user may not use this server any more.
    """

    id: str
    user_id: UserId
    account_id: str
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class UserSubject:
    """One of the subjects that are a user, and the time since when it is."""

    id: str
    issuer: str
    subject: str
    created_at: datetime


async def find_external_subject(connection: AsyncConnection, issuer: str, subject: str) -> ExternalSubject | None:
    """Return the subject of an issuer; None if nobody with it was here before."""
    query = (
        sa.select(external_subjects.c.id, users.c.id, users.c.account_id, users.c.disabled_at)
        .join(users, users.c.id == external_subjects.c.user_id)
        .where(external_subjects.c.issuer == issuer, external_subjects.c.subject == subject)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    subject_id, user_id, account_id, disabled_at = row
    return ExternalSubject(subject_id, user_id, account_id, disabled_at is not None)


async def insert_external_subject(
    connection: AsyncConnection, *, issuer: str, subject: str, user_id: UserId, now: datetime
) -> str:
    """Store that a subject is this user, and return the subject's id.

    Raises:
        SubjectTaken: it is a user's already.
    """
    subject_id = new_id(now)
    row = {"id": subject_id, "issuer": issuer, "subject": subject, "user_id": user_id, "created_at": now}
    try:
        await connection.execute(sa.insert(external_subjects).values(row))
    except IntegrityError:
        raise SubjectTaken(subject) from None
    return subject_id


async def list_user_subjects(connection: AsyncConnection, user_id: UserId) -> list[UserSubject]:
    """Return the subjects that are a user, the oldest first."""
    columns = external_subjects.c
    query = sa.select(columns.id, columns.issuer, columns.subject, columns.created_at).where(columns.user_id == user_id)
    return [UserSubject(*row) for row in await connection.execute(query.order_by(columns.created_at, columns.id))]


async def delete_external_subject(connection: AsyncConnection, subject_id: str, user_id: UserId) -> None:
    """Forget that a subject is this user."""
    query = sa.delete(external_subjects).where(
        external_subjects.c.id == subject_id, external_subjects.c.user_id == user_id
    )
    await connection.execute(query)
