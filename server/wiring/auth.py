"""The composition root of logins and bearers."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from auth.accounts.passwords import Passwords
from auth.bearers.bearer import Authenticator
from auth.issuers.assertions import Assertions
from auth.issuers.claims import GOOGLE_ISSUER
from auth.issuers.external_tokens import ExternalTokens
from auth.issuers.rules import USUAL_NAMES, IssuerRules, choose_asked_scopes
from auth.resources import AskedScopes, list_resources
from auth.server import AuthorizationServer, AuthSettings
from auth.tokens.sealing import load_secret_key
from auth.upstream.provider import GITHUB_ISSUER, AllowList, Provider
from auth.upstream.upstream import Upstream
from auth.wiring import build_access_tokens, build_authorization_server
from server.clock import Clock
from server.config import Settings
from server.store.audit.log import AuditLog
from server.store.db import Database
from server.store.epoch import Epoch
from server.store.record.works.outbox import Outbox


@asynccontextmanager
async def open_auth(
    settings: Settings,
    db: Database,
    epoch: Epoch,
    now: Clock,
    passwords: Passwords,
    outbox: Outbox | None = None,
    audit: AuditLog | None = None,
) -> AsyncGenerator[tuple[Authenticator, AuthorizationServer]]:
    """Open the authenticator of bearers and the authorization server, and close them when the block ends.

    `outbox` gets the events of new accounts, and `audit` what people and apps do; None if nobody wants them.
    """
    async with AsyncExitStack() as stack:
        auth_settings = _make_auth_settings(settings)
        tokens = build_access_tokens(auth_settings, db, now)
        external = build_external_tokens(settings, db, now, outbox)
        if external is not None:
            stack.push_async_callback(external.close)
        assertions = build_assertions(settings, db, now, outbox)
        if assertions is not None:
            stack.push_async_callback(assertions.close)
        upstream = build_upstream(settings, now)
        if upstream is not None:
            stack.push_async_callback(upstream.close)
        authenticator = Authenticator(db, now, epoch, tokens.verify if external is None else external.verify)
        yield (
            authenticator,
            build_authorization_server(
                auth_settings,
                db,
                now,
                tokens=tokens,
                on_revoked=authenticator.evict,
                passwords=passwords,
                external=external,
                outbox=outbox,
                audit=audit,
                assertions=assertions,
                upstream=upstream,
            ),
        )


def build_external_tokens(
    settings: Settings, db: Database, now: Clock, outbox: Outbox | None = None
) -> ExternalTokens | None:
    """Return the tokens of the issuers that the settings name; None if they name none."""
    if not settings.auth_issuer:
        return None
    return ExternalTokens(make_rules(settings), db, now, settings.ca_file, outbox)


def build_assertions(settings: Settings, db: Database, now: Clock, outbox: Outbox | None = None) -> Assertions | None:
    """Return the verifier of identity assertions; None if the settings name no provider of them."""
    if not settings.enterprise_issuer:
        return None
    return Assertions(
        settings.enterprise_issuer,
        audience=settings.public_url,
        algorithms=frozenset(settings.auth_algorithms),
        leeway=timedelta(seconds=settings.auth_leeway_seconds),
        db=db,
        now=now,
        ca_file=settings.ca_file,
        outbox=outbox,
    )


def build_upstream(settings: Settings, now: Clock) -> Upstream | None:
    """Return the providers at which people log in; None if they log in with a password alone."""
    if settings.login == "password":
        return None
    groups = {"oidc": frozenset(settings.login_groups), "github": frozenset(settings.login_github_orgs)}
    return Upstream(
        _list_providers(settings),
        AllowList(frozenset(settings.login_domains), groups),
        public_url=settings.public_url,
        algorithms=frozenset(settings.auth_algorithms),
        leeway=timedelta(seconds=settings.auth_leeway_seconds),
        now=now,
        ca_file=settings.ca_file,
    )


def _list_providers(settings: Settings) -> list[Provider]:
    google = Provider(
        id="google",
        name="Google",
        issuer=GOOGLE_ISSUER,
        client_id=settings.login_google_client_id,
        client_secret=settings.login_google_client_secret.get_secret_value(),
        scopes="openid profile email",
    )
    github = Provider(
        id="github",
        name="GitHub",
        issuer=GITHUB_ISSUER,
        client_id=settings.login_github_client_id,
        client_secret=settings.login_github_client_secret.get_secret_value(),
        scopes="read:org" if settings.login_github_orgs else "",
    )
    oidc = Provider(
        id="oidc",
        name=settings.login_oidc_name,
        issuer=settings.login_oidc_issuer,
        client_id=settings.login_oidc_client_id,
        client_secret=settings.login_oidc_client_secret.get_secret_value(),
        scopes=settings.login_oidc_scopes,
        groups_claim=settings.login_groups_claim,
    )
    return [each for each in (google, github, oidc) if each.client_id]


def make_rules(settings: Settings) -> IssuerRules:
    """Return the rules by which tokens of issuers are read."""
    # An audience that the operator names stands for the whole server; those of its own are told apart.
    own = {each: each for each in list_resources(settings.public_url)}
    return IssuerRules(
        issuers=settings.auth_issuer,
        audiences=dict.fromkeys(settings.auth_audience, settings.resource) or own,
        algorithms=frozenset(settings.auth_algorithms),
        token_types=frozenset(each.lower() for each in settings.auth_token_types),
        leeway=timedelta(seconds=settings.auth_leeway_seconds),
        scope_claims=settings.auth_scope_claims,
        scope_names=settings.auth_scope_map or USUAL_NAMES,
        default_scopes=frozenset(settings.auth_default_scopes),
        subject_claim=settings.auth_subject_claim,
        name_claims=settings.auth_name_claims,
        domains=frozenset(settings.auth_domains),
        groups=frozenset(settings.auth_groups),
        groups_claim=settings.auth_groups_claim,
    )


def find_asked_scopes(settings: Settings) -> AskedScopes:
    """Return the scopes that clients are told to ask for."""
    if not settings.auth_issuer:
        return AskedScopes()
    return choose_asked_scopes(settings.auth_request_scopes, settings.auth_scope_map, settings.auth_default_scopes)


def _make_auth_settings(settings: Settings) -> AuthSettings:
    return AuthSettings(
        public_url=settings.public_url,
        secret_key=load_secret_key(settings.secret_key.get_secret_value(), settings.data_dir / "secret.key"),
        access_token_lifetime=timedelta(minutes=settings.access_token_minutes),
        refresh_grace=timedelta(minutes=settings.refresh_grace_minutes),
        allows_registration=settings.oauth_registration,
        allows_local_documents=settings.oauth_local_documents,
        signup=settings.signup,
        login=settings.login,
        trusted_proxies=tuple(settings.trusted_proxies),
        asked_scopes=find_asked_scopes(settings),
        ca_file=settings.ca_file,
    )
