"""Logins at a provider that have begun, and the user who comes of one.

A login belongs to the browser in which it began, works once, and ends after ten minutes. A user is found by the issuer
and the subject alone, never by an email: only somebody who is logged in connects a provider with a user who is there.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog

from auth.hashing import hash_secret
from auth.issuers.subjects import find_or_make_subject
from auth.page_refusals import TitledFailure
from auth.server import AuthorizationServer
from auth.texts import say
from auth.throttle import UPSTREAM_LOGINS, count_tries
from auth.upstream.provider import ExternalPerson, Provider
from auth.upstream.upstream import Upstream
from server.ids import UserId
from server.store.epoch import raise_epoch
from server.store.record.people.accounts import User, get_user
from server.store.record.people.external_subjects import (
    SubjectTaken,
    delete_external_subject,
    find_external_subject,
    insert_external_subject,
    list_user_subjects,
)
from server.store.record.people.upstream_logins import insert_upstream_login, take_upstream_login

LIFETIME = timedelta(minutes=10)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UpstreamLogin:
    """A login that has begun.

    Attributes:
        provider_id: the provider.
        cookie_hash: the browser.
        nonce: the text that the ID token must repeat.
        verifier: the secret behind the code challenge (RFC 7636).
        destination: the path to go on to.
        user_id: the user whom the person connects with the provider; None if the person logs in.
    """

    provider_id: str
    cookie_hash: str
    nonce: str
    verifier: str
    destination: str
    user_id: UserId | None


async def begin_login(
    auth: AuthorizationServer,
    upstream: Upstream,
    provider: Provider,
    *,
    cookie: str,
    destination: str,
    user_id: UserId | None,
    address: str,
) -> str:
    """Store a new login, and return the URL at the provider to send the browser to.

    Raises:
        Failure: `too_many_requests`, this address began too many; `unavailable` or `forbidden`, the provider cannot be
            used now.
    """
    await count_tries(auth.db, [(UPSTREAM_LOGINS, address)], auth.now())
    state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
    location = await upstream.build_location(provider, state=state, nonce=nonce, verifier=verifier)
    login = UpstreamLogin(provider.id, hash_secret(cookie), nonce, verifier, destination, user_id)
    sealed = auth.sealer.seal(json.dumps(asdict(login)).encode())
    async with auth.db.write() as connection:
        await insert_upstream_login(
            connection, state_hash=hash_secret(state), sealed=sealed, expires_at=auth.now() + LIFETIME
        )
    return location


async def take_login(auth: AuthorizationServer, provider: Provider, state: str, cookie: str) -> UpstreamLogin:
    """Use a login up, and return it.

    Raises:
        TitledFailure: there is none with this state in this browser and at this provider.
    """
    async with auth.db.write() as connection:
        sealed = await take_upstream_login(connection, hash_secret(state), auth.now())
    opened = None if sealed is None else auth.sealer.unseal(sealed)
    login = None if opened is None else UpstreamLogin(**json.loads(opened))
    if login is None or login.provider_id != provider.id or login.cookie_hash != hash_secret(cookie):
        message = say(
            "A login works once, in the browser in which it began, and for ten minutes. Go back to the app and connect "
            "again, or log in here. Cookies must be on."
        )
        raise TitledFailure("forbidden", say("This login has ended"), message)
    return login


async def find_or_make_user(
    auth: AuthorizationServer, upstream: Upstream, provider: Provider, person: ExternalPerson
) -> User:
    """Return the user of a person who logged in at a provider. Make one if the settings let unknown people in.

    Raises:
        TitledFailure: the person may not log in.
    """
    check_allow_list(upstream, provider, person)
    now = auth.now()
    async with auth.db.read() as connection:
        found = await find_external_subject(connection, person.issuer, person.subject)
    if found is None and upstream.allow_list.is_empty and auth.settings.signup != "open":
        message = say(
            "No user here is connected with your account at %(provider)s. If you have a user here, log in as usual, "
            "open the page Apps and connect it there. Otherwise ask the person who runs this server.",
            provider=provider.name,
        )
        raise TitledFailure("forbidden", say("You have no account here yet"), message)
    if found is None:
        found = await find_or_make_subject(auth.db, person.issuer, person.subject, person.name, now, auth.outbox)
    async with auth.db.read() as connection:
        user = await get_user(connection, found.user_id)
    if user is None or user.disabled_at is not None:
        raise TitledFailure(
            "forbidden",
            say("You may not log in"),
            say("Your user was disabled by the person who runs this server."),
        )
    return user


async def connect_person(
    auth: AuthorizationServer, upstream: Upstream, provider: Provider, person: ExternalPerson, user: User
) -> None:
    """Let a person at a provider log in as a user who is logged in. Does nothing if they can already.

    Raises:
        TitledFailure: the person may not log in, or logs in as another user.
    """
    check_allow_list(upstream, provider, person)
    try:
        async with auth.db.write() as connection:
            found = await find_external_subject(connection, person.issuer, person.subject)
            if found is None:
                await insert_external_subject(
                    connection, issuer=person.issuer, subject=person.subject, user_id=user.id, now=auth.now()
                )
    except SubjectTaken:
        async with auth.db.read() as connection:
            found = await find_external_subject(connection, person.issuer, person.subject)
    if found is not None and found.user_id != user.id:
        message = say(
            "Another user of this server logs in with this account at %(provider)s. Log in as that user and disconnect "
            "it first, or choose another account there.",
            provider=provider.name,
        )
        raise TitledFailure("conflict", say("This account is connected already"), message)
    log.info("provider.connected", user=user.id, provider=provider.id)


async def disconnect_person(auth: AuthorizationServer, upstream: Upstream, user: User, subject_id: str) -> None:
    """End the connection of a user with a provider. Does nothing if the user has no such connection.

    Raises:
        TitledFailure: the user could not log in any more.
    """
    issuers = {provider.issuer for provider in upstream.providers.values()}
    async with auth.db.write() as connection:
        mine = [each for each in await list_user_subjects(connection, user.id) if each.issuer in issuers]
        if subject_id not in {each.id for each in mine}:
            return
        has_password = user.password_hash is not None and auth.settings.login != "upstream"
        if len(mine) == 1 and not has_password:
            message = say("You could not log in without it. Connect another provider first.")
            raise TitledFailure("conflict", say("This is your only way to log in"), message)
        await delete_external_subject(connection, subject_id, user.id)
        await raise_epoch(connection)
    auth.on_revoked(subject_id)
    log.info("provider.disconnected", user=user.id)


def check_allow_list(upstream: Upstream, provider: Provider, person: ExternalPerson) -> None:
    """Check that a person is on the list of those who may log in, if there is a list.

    Raises:
        TitledFailure: the person is not.
    """
    if not upstream.allow_list.is_empty and not upstream.allow_list.has_person(provider, person):
        message = say(
            "Your account at %(provider)s is not among those that may log in here. Choose another account there, or "
            "ask the person who runs this server.",
            provider=provider.name,
        )
        raise TitledFailure("forbidden", say("You may not log in"), message)
