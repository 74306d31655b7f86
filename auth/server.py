"""The built-in authorization server: its settings and its collaborators. `auth.wiring` puts it together."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from starlette.requests import Request

from auth.accounts.passwords import Passwords
from auth.accounts.signup_links import make_setup_link
from auth.acts import Acts
from auth.addresses import find_client_address
from auth.clients.documents import ClientDocuments
from auth.issuers.assertions import Assertions
from auth.issuers.external_tokens import ExternalTokens
from auth.resources import AskedScopes, list_resources
from auth.tokens.access_tokens import AccessTokens
from auth.tokens.sealing import Sealer
from auth.tokens.signing import SigningKeys
from auth.upstream.upstream import Upstream
from server.clock import Clock
from server.store.db import Database
from server.store.record.works.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """The settings of the authorization server, as values.

    Attributes:
        public_url: the server's URL without a path; also the issuer.
        secret_key: the secret that signing keys are encrypted with; never empty.
        access_token_lifetime: for how long an access token is valid.
        refresh_grace: for how long a used refresh token can be exchanged again, from its first exchange.
        allows_registration: whether clients may register themselves (RFC 7591).
        allows_local_documents: whether client metadata documents may be on loopback addresses; for tests.
        signup: the people who may make an account: nobody, those with an invitation, or everybody.
        login: whether people log in with a password, at a provider, or in both ways.
        trusted_proxies: the address ranges (CIDRs) of proxies whose X-Forwarded-For header is used.
        asked_scopes: the scopes that clients are told to ask for.
        ca_file: certificates of authorities that are trusted beside the usual ones.
    """

    public_url: str
    secret_key: str = field(repr=False)
    access_token_lifetime: timedelta = timedelta(minutes=30)
    refresh_grace: timedelta = timedelta(minutes=60)
    allows_registration: bool = True
    allows_local_documents: bool = False
    signup: Literal["closed", "invite", "open"] = "closed"
    login: Literal["password", "upstream", "both"] = "password"
    trusted_proxies: Sequence[str] = ()
    asked_scopes: AskedScopes = field(default_factory=AskedScopes)
    ca_file: Path | None = None

    @property
    def resource(self) -> str:
        """The URL that people paste into a client; the default resource of tokens (RFC 8707)."""
        return list_resources(self.public_url)[0]


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """The collaborators of the endpoints and pages, which find it in `request.state.auth`.

    `on_revoked` is called with the id of a grant or a chain after it has ended, so that no cache keeps its principal.
    `external` has the issuers that issue tokens in place of this server; None if there are none.
    """

    settings: AuthSettings
    db: Database
    now: Clock
    on_revoked: Callable[[str], None]
    sealer: Sealer
    passwords: Passwords
    keys: SigningKeys
    tokens: AccessTokens
    documents: ClientDocuments
    external: ExternalTokens | None = None
    #: The number of logins that were refused, by the reason.
    refused_logins: Counter[str] = field(default_factory=Counter[str])
    #: Notes in the audit what people and apps do here.
    acts: Acts = field(default_factory=Acts)
    #: None if nobody wants events.
    outbox: Outbox | None = None
    #: None if this server trusts no provider of assertions.
    assertions: Assertions | None = None
    #: None if people log in with a password alone.
    upstream: Upstream | None = None

    @property
    def issuer(self) -> str:
        """The issuer, exactly as in the metadata (RFC 8414)."""
        return self.settings.public_url

    @property
    def issuers(self) -> Sequence[str]:
        """The issuers whose tokens this server accepts: its own URL, or those of others."""
        return (self.issuer,) if self.external is None else tuple(self.external.issuers)

    async def start(self) -> str | None:
        """Make the first signing key, and return a new setup link; None if there is an admin already."""
        await self.keys.get_signing_key()
        return await make_setup_link(self.db, self.issuer, self.now())


def get_authorization_server(request: Request) -> AuthorizationServer:
    """Return the authorization server of a request."""
    return request.state.auth


def get_client_address(request: Request) -> str:
    """Return the address that a request is counted for, in throttling."""
    return find_client_address(request, get_authorization_server(request).settings.trusted_proxies)
