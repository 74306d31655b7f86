"""The user of an external subject. At its first token a subject becomes a new user with a personal account.

A user is found by the issuer and the subject alone. A name or an email in a token is no proof of anything: somebody may
change it, or get the one that another person gave up. So it only becomes the name under which the user is listed.
"""

import secrets
import unicodedata
from collections.abc import Iterator
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.accounts.account_names import MAX_LENGTH, check_name
from server.errors import Failure
from server.names import clean_name
from server.store.db import Database
from server.store.record.people.accounts import NameTaken, create_user, is_name_free
from server.store.record.people.external_subjects import (
    ExternalSubject,
    SubjectTaken,
    find_external_subject,
    insert_external_subject,
)
from server.store.record.works.outbox import Outbox

#: The name of a user whose tokens have no usable one.
FALLBACK = "user"
#: How many numbers are tried behind a name that is taken, before random letters are.
NUMBERS = 9
#: Several requests may bring the first token of one subject, to several processes.
TRIES = 5

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def find_or_make_subject(
    db: Database, issuer: str, subject: str, name: str, now: datetime, outbox: Outbox | None = None
) -> ExternalSubject:
    """Return the subject of an issuer. If it was never here, make its user, named like `name` as far as that is free.

    `outbox` gets the event of a new account; None if nobody wants events.

    Raises:
        Failure: `unavailable`, other requests took the name each time.
    """
    async with db.read() as connection:
        found = await find_external_subject(connection, issuer, subject)
    for _ in range(TRIES):
        if found is not None:
            return found
        try:
            async with db.write() as connection:
                made = await _make_subject(connection, issuer, subject, name, now, outbox)
        except (NameTaken, SubjectTaken):
            async with db.read() as connection:
                found = await find_external_subject(connection, issuer, subject)
        else:
            log.info("account.provisioned", user=made.user_id, issuer=issuer)
            return made
    raise Failure("unavailable", "Too many people began at once. Try again in a few seconds.", retry_after=5)


async def _make_subject(
    connection: AsyncConnection, issuer: str, subject: str, name: str, now: datetime, outbox: Outbox | None
) -> ExternalSubject:
    """Store a new user and the subject.

    Raises:
        NameTaken: another transaction took the name.
        SubjectTaken: another transaction stored the subject.
    """
    chosen = ""
    for chosen in list_names(name):
        if await is_name_free(connection, chosen):
            break
    user = await create_user(connection, name=chosen, password_hash=None, is_admin=False, now=now, outbox=outbox)
    subject_id = await insert_external_subject(connection, issuer=issuer, subject=subject, user_id=user.id, now=now)
    return ExternalSubject(subject_id, user.id, user.account_id, is_disabled=False)


def list_names(text: str) -> Iterator[str]:
    """Return the user names to try for a text, in their order. The last one is free for certain, being random."""
    name = _make_name(text)
    yield name
    for number in range(2, NUMBERS + 1):
        yield f"{name[: MAX_LENGTH - 2]}-{number}"
    yield f"{name[: MAX_LENGTH - 13]}-{secrets.token_hex(6)}"


def _make_name(text: str) -> str:
    """Return a user name that is as much like a text as the rule for names allows."""
    seen = clean_name(text)[:MAX_LENGTH]
    kept = [each if each in "._@+" or unicodedata.category(each)[0] in "LMN" else "-" for each in seen]
    name = "".join(kept).strip("._@+-")
    try:
        check_name(name)
    except Failure:
        return FALLBACK
    return name
