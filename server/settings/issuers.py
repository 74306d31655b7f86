"""The settings of issuers, a part of the table of settings."""

import re
import ssl
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

from server.settings.checks import check_http_url
from server.settings.values import DomainList, TextList, make_json_parser, split_list

#: As wide as the column in the database.
MAX_ISSUER = 512

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
Algorithms = Annotated[list[Algorithm], NoDecode, BeforeValidator(split_list), Field(min_length=1)]
GrantedScope = Literal["memory:read", "memory:write"]
GrantedScopes = Annotated[list[GrantedScope], NoDecode, BeforeValidator(split_list)]
#: RFC 6749, section 3.3. The name stands in a header, between quotes.
_SCOPE_NAME = re.compile(r"[!#-\[\]-~]{1,200}")


def _check_scope_name(value: str) -> str:
    if not _SCOPE_NAME.fullmatch(value):
        raise ValueError('must be names of scopes: at most 200 printable ASCII characters without spaces, " and \\')
    return value


def check_issuer(issuer: str) -> None:
    """Check that a text can be an issuer, as tokens name it.

    Raises:
        ValueError: it cannot; the message completes a sentence whose subject is the setting.
    """
    check_http_url(issuer, "https://tenant.eu.auth0.com/")
    if len(issuer) > MAX_ISSUER:
        raise ValueError(f"must have at most {MAX_ISSUER} characters")


#: The settings of logins at a provider that have the name of one for issuers.
_OF_LOGINS = ("login_domains", "login_groups", "login_groups_claim")

ScopeName = Annotated[str, AfterValidator(_check_scope_name)]
ScopeNames = Annotated[list[ScopeName], NoDecode, BeforeValidator(split_list)]
ScopeMap = Annotated[
    dict[ScopeName, GrantedScope], NoDecode, BeforeValidator(make_json_parser('{"notes.read": "memory:read"}'))
]
ClaimNames = Annotated[TextList, Field(min_length=1)]


class IssuerSettings(BaseSettings):
    """The issuers whose tokens the server accepts, and how it reads them. By default the server issues its own."""

    auth_issuer: TextList = Field(
        default_factory=list,
        description="The issuers whose access tokens the server accepts in place of its own, e.g. "
        "https://tenant.eu.auth0.com/, exactly as they name themselves. With commas between them if there are several. "
        "Each must be https, except on a loopback address. Default: the server issues its own tokens. See "
        "[issuers](issuers.md), also for the settings below.",
    )
    auth_audience: TextList = Field(
        default_factory=list,
        description="The audiences of tokens that the server accepts. Default: the URL that people paste into their "
        "client.",
    )
    auth_algorithms: Algorithms = Field(
        default_factory=lambda: ["RS256", "PS256", "ES256", "ES384", "EdDSA"],
        description="The signature algorithms of tokens that the server accepts. All that can be named are asymmetric.",
    )
    auth_token_types: ClaimNames = Field(
        default_factory=lambda: ["at+jwt", "JWT"],
        description="The types (the header `typ`) of tokens that the server accepts. A token without a type is a JWT. "
        "If your issuer writes at+jwt, allow that alone: its other tokens are then never taken for access tokens.",
    )
    auth_leeway_seconds: int = Field(
        default=60,
        ge=0,
        le=300,
        description="By how many seconds the clock of an issuer and that of this server may differ.",
    )
    auth_scope_claims: ClaimNames = Field(
        default_factory=lambda: ["scope", "scp", "permissions"],
        description="The claims that may hold scopes, as a text or a list. The first that names a known scope counts. "
        "Dots lead into objects, as in realm_access.roles.",
    )
    auth_scope_map: ScopeMap = Field(
        default_factory=dict[str, GrantedScope],
        description="The issuer's names of scopes, as JSON: for each memory:read or memory:write. Default: memory:read "
        "and memory:write themselves, and mcp:read and mcp:write.",
    )
    auth_default_scopes: GrantedScopes = Field(
        default_factory=list[GrantedScope],
        description="The scopes of tokens whose claims name no known scope. Default: none; such a token is refused by "
        "every operation.",
    )
    auth_request_scopes: ScopeNames = Field(
        default_factory=list,
        description="The scopes that clients are told to ask the issuer for. Default: the names in "
        "LOCI_AUTH_SCOPE_MAP; without them memory:read and memory:write, or none if LOCI_AUTH_DEFAULT_SCOPES is set.",
    )
    auth_subject_claim: str = Field(
        default="sub",
        description="The claim that identifies a person. It must be the same in all of a person's tokens, and never "
        "become another person's: no name and no email. A token with another value is another user's.",
    )
    auth_name_claims: ClaimNames = Field(
        default_factory=lambda: ["preferred_username", "email"],
        description="The claims that the name of a new user is made of; the first that is there counts. The name is "
        "for people to read, and gives no access to anything.",
    )
    auth_domains: DomainList = Field(
        default_factory=list,
        description="The domains of emails whose people may use this server with a token of an issuer, with commas "
        "between them. The token must say that the email is verified. Default: this is no condition.",
    )
    auth_groups: TextList = Field(
        default_factory=list,
        description="The groups whose people may use this server with a token of an issuer, with commas between them. "
        "To be of a domain or in a group is enough. Default: this is no condition.",
    )
    auth_groups_claim: str = Field(
        default="groups", description="The claim of such a token that lists a person's groups. Dots lead into objects."
    )
    enterprise_issuer: TextList = Field(
        default_factory=list,
        description="The identity providers of companies whose people get tokens without a consent, by an identity "
        "assertion (ID-JAG), exactly as they name themselves, with commas between them. Their assertions must be for "
        "PUBLIC_URL. See [upstream login](upstream-login.md#enterprise-managed-authorization).",
    )
    ca_file: Path | None = Field(
        default=None,
        description="A file of PEM certificates of authorities that are trusted beside the usual ones, by every "
        "HTTPS connection of Loci: to issuers, identity providers, the Qdrant server, embeddings, the language model, "
        "the webhook, the collector of traces and documents of clients.",
    )

    @field_validator("auth_issuer", "enterprise_issuer")
    @classmethod
    def _check_issuers(cls, value: list[str]) -> list[str]:
        for issuer in value:
            check_issuer(issuer)
        return value

    @field_validator(
        "auth_audience",
        "auth_token_types",
        "auth_scope_claims",
        "auth_scope_map",
        "auth_default_scopes",
        "auth_request_scopes",
        "auth_subject_claim",
        "auth_name_claims",
        "auth_domains",
        "auth_groups",
        "auth_groups_claim",
    )
    @classmethod
    def _check_use(cls, value: object, info: ValidationInfo) -> object:
        # A person who sets one, such as a list of people, believes that it has an effect. A wrong LOCI_AUTH_ISSUER has
        # its own message. The algorithms and the leeway are for providers and identity assertions, too.
        default = cls.model_fields[str(info.field_name)].get_default(call_default_factory=True)
        if value != default and info.data.get("auth_issuer", "wrong") == []:
            of_logins = str(info.field_name).replace("auth", "login")
            hint = f"; LOCI_{of_logins.upper()} is for logins" if of_logins in _OF_LOGINS else ""
            raise ValueError(f"must be left out, because LOCI_AUTH_ISSUER is not set{hint}")
        return value

    @field_validator("enterprise_issuer")
    @classmethod
    def _check_tokens(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if value and info.data.get("auth_issuer"):
            raise ValueError("must be left out, because the server issues no tokens if LOCI_AUTH_ISSUER is set")
        return value

    @field_validator("ca_file")
    @classmethod
    def _check_ca_file(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
            except OSError:  # an SSLError, too
                raise ValueError("must be a file of PEM certificates that can be read") from None
        return value
