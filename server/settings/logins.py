"""The settings of logins, a part of the table of settings."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from server.settings.issuers import check_issuer
from server.settings.values import DomainList, TextList

ProviderName = Annotated[str, Field(min_length=1, max_length=40)]


class LoginSettings(BaseSettings):
    """The ways in which people log in. By default with a password."""

    login_google_client_id: str = Field(
        default="",
        description="The client id of this server at Google. See [upstream login](upstream-login.md), also for the "
        "settings below.",
    )
    login_google_client_secret: SecretStr = Field(
        default=SecretStr(""), validate_default=True, description="The client secret of this server at Google."
    )
    login_github_client_id: str = Field(default="", description="The client id of this server at GitHub.")
    login_github_client_secret: SecretStr = Field(
        default=SecretStr(""), validate_default=True, description="The client secret of this server at GitHub."
    )
    login_github_orgs: TextList = Field(
        default_factory=list,
        description="The organizations at GitHub whose members may log in, with commas between them. Default: this is "
        "no condition.",
    )
    login_oidc_issuer: str = Field(
        default="",
        description="An OpenID provider at which people log in, e.g. https://keycloak.example.com/realms/home, exactly "
        "as it names itself. It must be https, except on a loopback address.",
    )
    login_oidc_client_id: str = Field(
        default="", validate_default=True, description="The client id of this server at that provider."
    )
    login_oidc_client_secret: SecretStr = Field(
        default=SecretStr(""),
        description="The client secret of this server at that provider. Default: none; it is a public client there.",
    )
    login_oidc_name: ProviderName = Field(
        default="single sign-on", description="The name of that provider on its button."
    )
    login_oidc_scopes: str = Field(
        default="openid profile email",
        description="The scopes to ask that provider for, with spaces between them. openid must be among them.",
    )
    login_domains: DomainList = Field(
        default_factory=list,
        description="The domains of emails whose people may log in at a provider, with commas between them. The "
        "provider must say that the email is verified. GitHub does not tell emails. Default: this is no condition.",
    )
    login_groups: TextList = Field(
        default_factory=list,
        description="The groups at the OpenID provider whose people may log in, with commas between them. Default: "
        "this is no condition.",
    )
    login_groups_claim: str = Field(
        default="groups", description="The claim that lists a person's groups. Dots lead into objects."
    )
    login: Literal["password", "upstream", "both"] = Field(
        default="password",
        validate_default=True,
        description="How people log in: with a `password`, `upstream` (at Google, GitHub or the OpenID provider that "
        "the settings above name) or in `both` ways.",
    )

    @field_validator("login_google_client_secret", "login_github_client_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        name = str(info.field_name).removesuffix("_secret") + "_id"
        if bool(value.get_secret_value()) != bool(info.data.get(name)):
            raise ValueError(f"must be set if LOCI_{name.upper()} is, and only then")
        return value

    @field_validator("login_oidc_issuer")
    @classmethod
    def _check_issuer(cls, value: str) -> str:
        if value:
            check_issuer(value)
        return value

    @field_validator("login_oidc_client_id")
    @classmethod
    def _check_client_id(cls, value: str, info: ValidationInfo) -> str:
        # If LOCI_LOGIN_OIDC_ISSUER is wrong, it is not in info.data, and has its own message.
        issuer = info.data.get("login_oidc_issuer")
        if issuer is not None and bool(value) != bool(issuer):
            raise ValueError("must be set if LOCI_LOGIN_OIDC_ISSUER is, and only then")
        return value

    @field_validator("login_oidc_scopes")
    @classmethod
    def _check_scopes(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must contain openid")
        return value

    @field_validator("login")
    @classmethod
    def _check_providers(cls, value: str, info: ValidationInfo) -> str:
        ids = ("login_google_client_id", "login_github_client_id", "login_oidc_client_id")
        if value != "password" and not any(info.data.get(name, "wrong") for name in ids):
            names = ", ".join(f"LOCI_{name.upper()}" for name in ids)
            raise ValueError(f"must be password, because none of {names} is set")
        return value
