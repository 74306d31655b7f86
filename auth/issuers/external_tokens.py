"""External tokens: JWTs that an issuer signed, and the way from one to its principal.

Everything that is cheap is checked before the signature, because only a signature can need a fetch of keys. Nothing of
a token is used before its signature was verified.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from auth.issuers.claims import (
    RefusedTokenError,
    check_listed,
    check_times,
    find_audience,
    read_client_id,
    read_name,
    read_scopes,
    read_subject,
)
from auth.issuers.connections import Connections
from auth.issuers.issuer import Issuer
from auth.issuers.rules import IssuerRules
from auth.issuers.signatures import check_algorithm, check_signature, read_type, read_unverified
from auth.issuers.subjects import find_or_make_subject
from auth.principal import Principal
from server.clock import Clock
from server.errors import Failure
from server.store.db import Database
from server.store.record.works.outbox import Outbox

#: Tokens that list a person's groups are long.
MAX_LENGTH = 16 * 1024
#: For how long a verified token is trusted before its signature and its user are looked up again.
VERIFIED_FOR = timedelta(minutes=5)
#: The type of a token that names none.
NO_TYPE = "jwt"


class ExternalTokens:
    """Verifies external tokens. One per process.

    Args:
        rules: how tokens are read.
        db: the record.
        now: the clock.
        ca_file: certificates of authorities that are trusted beside the usual ones; None for those alone.
        outbox: gets the events of new accounts; None if nobody wants events.
    """

    def __init__(
        self,
        rules: IssuerRules,
        db: Database,
        now: Clock,
        ca_file: Path | None,
        outbox: Outbox | None = None,
    ) -> None:
        self._rules = rules
        self._db = db
        self._now = now
        self._connections = Connections(ca_file)
        self._outbox = outbox
        self.issuers = {url: Issuer(url, self._connections.fetch_state, now) for url in rules.issuers}

    async def verify(self, token: str) -> Principal | None:
        """Return the principal of a token; None if the text is no token.

        Raises:
            Failure: `unauthorized`, with the reason; `unavailable` if the issuer's keys cannot be fetched.
        """
        unverified = read_unverified(token, MAX_LENGTH)
        if unverified is None:
            return None
        header, claims = unverified
        try:
            return await self._verify(token, header, claims)
        except RefusedTokenError as refused:
            raise Failure("unauthorized", f"Invalid or missing API key: this token {refused}.") from None

    async def close(self) -> None:
        """End what is under way."""
        for issuer in self.issuers.values():
            await issuer.close()
        await self._connections.close()

    async def _verify(self, token: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Principal:
        now = self._now()
        check_algorithm(header, self._rules.algorithms)
        self._check_type(header)
        named = claims.get("iss")
        issuer = self.issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            raise RefusedTokenError("comes from another issuer (`iss`)")
        expires_at = check_times(claims, self._rules.leeway, now)
        audience = find_audience(claims, self._rules)
        subject = read_subject(claims, self._rules.subject_claim)
        await check_signature(token, issuer, header)
        check_listed(claims, issuer.url, self._rules)
        name = read_name(claims, self._rules.name_claims)
        found = await find_or_make_subject(self._db, issuer.url, subject, name, now, self._outbox)
        if found.is_disabled:
            raise RefusedTokenError("belongs to a user who was disabled")
        return Principal(
            user_id=found.user_id,
            account_id=found.account_id,
            scopes=read_scopes(claims, self._rules),
            via="issuer",
            credential_id=found.id,
            client_id=read_client_id(claims),
            expires_at=expires_at,
            verified_until=now + VERIFIED_FOR,
            audience=audience,
        )

    def _check_type(self, header: Mapping[str, Any]) -> None:
        if read_type(header, NO_TYPE) not in self._rules.token_types:
            raise RefusedTokenError("is of a type that this server does not accept (`typ`)")
