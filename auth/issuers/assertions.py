"""Identity assertions (ID-JAG): a company's provider vouches to this server for one person, in one client, for minutes.

They are the JWTs of "Identity Assertion JWT Authorization Grant", as MCP's extension Enterprise-Managed Authorization
uses them. An assertion is no access token: the token endpoint exchanges it for one, once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from auth.hashing import hash_secret
from auth.issuers.claims import (
    MAX_SUBJECT,
    RefusedTokenError,
    check_times,
    read_name,
    read_subject,
    read_texts,
    read_time,
)
from auth.issuers.connections import Connections
from auth.issuers.issuer import Issuer
from auth.issuers.signatures import check_algorithm, check_signature, read_type, read_unverified
from auth.issuers.subjects import find_or_make_subject
from server.clock import Clock
from server.ids import UserId
from server.store.db import Database
from server.store.record.works.outbox import Outbox

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
TYPE = "oauth-id-jag+jwt"
MAX_LENGTH = 16 * 1024
#: An assertion that is valid for longer is refused: it could be stolen, and used at leisure.
LONGEST_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that was verified.

    Attributes:
        use_hash: the hash of its issuer and its id, by which a second use is noticed.
        user_id: the person.
        is_disabled: whether the person may not use this server any more.
        resources: the resources that it names; empty if it names none.
        scopes: the scopes that it names; None if it leaves them to this server.
        expires_at: its end.
    """

    use_hash: str
    user_id: UserId
    is_disabled: bool
    resources: list[str]
    scopes: frozenset[str] | None
    expires_at: datetime


class Assertions:
    """Verifies identity assertions. One per process.

    Args:
        issuers: the providers that may vouch for people, exactly as they name themselves.
        audience: the issuer URL of this server, for which an assertion must be.
        algorithms: the signature algorithms that are accepted.
        leeway: by how much the clocks of a provider and of this server may differ.
        db: the record.
        now: the clock.
        ca_file: certificates of authorities that are trusted beside the usual ones; None for those alone.
        outbox: gets the events of new accounts; None if nobody wants events.
    """

    def __init__(
        self,
        issuers: Sequence[str],
        *,
        audience: str,
        algorithms: frozenset[str],
        leeway: timedelta,
        db: Database,
        now: Clock,
        ca_file: Path | None,
        outbox: Outbox | None = None,
    ) -> None:
        self._audience = audience
        self._algorithms = algorithms
        self._leeway = leeway
        self._db = db
        self._now = now
        self._outbox = outbox
        self._connections = Connections(ca_file)
        self._issuers = {url: Issuer(url, self._connections.fetch_state, now) for url in issuers}

    async def verify(self, text: str, client_id: str) -> Assertion:
        """Return the assertion that this client sent. Its person becomes a user if they were never here.

        Raises:
            RefusedTokenError: it is not accepted.
            Failure: `unavailable`, the provider's keys cannot be fetched.
        """
        unverified = read_unverified(text, MAX_LENGTH)
        if unverified is None:
            raise RefusedTokenError("is no JWT")
        header, claims = unverified
        if read_type(header) != TYPE:
            raise RefusedTokenError(f"is not of the type {TYPE} (`typ`)")
        check_algorithm(header, self._algorithms)
        named = claims.get("iss")
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            raise RefusedTokenError("comes from an issuer that this server does not trust (`iss`)")
        self._check_audience(claims)
        if claims.get("client_id") != client_id:
            raise RefusedTokenError("was made for another client (`client_id`)")
        now = self._now()
        expires_at = check_times(claims, self._leeway, now)
        issued_at = read_time(claims, "iat")
        if issued_at is None or claims["exp"] - issued_at > LONGEST_LIFE.total_seconds():
            raise RefusedTokenError("is valid for more than an hour, or does not say since when (`iat`, `exp`)")
        subject, token_id = read_subject(claims), claims.get("jti")
        if not isinstance(token_id, str) or not 0 < len(token_id) <= MAX_SUBJECT:
            raise RefusedTokenError("has no usable id (`jti`)")
        await check_signature(text, issuer, header)
        found = await find_or_make_subject(self._db, issuer.url, subject, read_name(claims), now, self._outbox)
        return Assertion(
            use_hash=hash_secret(f"{GRANT_TYPE} {issuer.url} {token_id}"),
            user_id=found.user_id,
            is_disabled=found.is_disabled,
            resources=list(read_texts(claims.get("resource"), must_split=False)),
            scopes=frozenset(read_texts(claims["scope"], must_split=True)) if "scope" in claims else None,
            expires_at=expires_at,
        )

    async def close(self) -> None:
        """End what is under way."""
        for issuer in self._issuers.values():
            await issuer.close()
        await self._connections.close()

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        """Check that the assertion is for this server alone. Some providers write a slash at the end of its URL."""
        audiences = {audience.rstrip("/") for audience in read_texts(claims.get("aud"), must_split=False)}
        if audiences != {self._audience}:
            raise RefusedTokenError(f"is for another audience than {self._audience} (`aud`)")
