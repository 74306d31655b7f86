"""The settings of logins at a provider: a wrong one, or one without its companion, is named."""

import pytest

from server.config import load_settings

GOOGLE = {"LOCI_LOGIN_GOOGLE_CLIENT_ID": "loci", "LOCI_LOGIN_GOOGLE_CLIENT_SECRET": "s"}
OIDC = {"LOCI_LOGIN_OIDC_ISSUER": "https://acme.example", "LOCI_LOGIN_OIDC_CLIENT_ID": "loci"}


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"LOCI_LOGIN": "upstream"}, "LOCI_LOGIN: must be password, because none of"),
        ({"LOCI_LOGIN": "sms"}, "LOCI_LOGIN"),
        ({"LOCI_LOGIN_GOOGLE_CLIENT_ID": "loci"}, "LOCI_LOGIN_GOOGLE_CLIENT_SECRET: must be set"),
        ({"LOCI_LOGIN_GITHUB_CLIENT_SECRET": "s"}, "LOCI_LOGIN_GITHUB_CLIENT_SECRET: must be set if"),
        ({"LOCI_LOGIN_OIDC_ISSUER": "https://acme.example"}, "LOCI_LOGIN_OIDC_CLIENT_ID: must be set"),
        ({"LOCI_LOGIN_OIDC_CLIENT_ID": "loci"}, "LOCI_LOGIN_OIDC_CLIENT_ID: must be set if"),
        (OIDC | {"LOCI_LOGIN_OIDC_ISSUER": "http://acme.example"}, "LOCI_LOGIN_OIDC_ISSUER: must be https"),
        (OIDC | {"LOCI_LOGIN_OIDC_SCOPES": "email"}, "LOCI_LOGIN_OIDC_SCOPES: must contain openid"),
        (GOOGLE | {"LOCI_LOGIN_DOMAINS": "ada@acme.example"}, "LOCI_LOGIN_DOMAINS: must be domains"),
        (GOOGLE | {"LOCI_LOGIN_DOMAINS": "*.acme.example"}, "LOCI_LOGIN_DOMAINS: must be domains"),
        (
            {"LOCI_ENTERPRISE_ISSUER": "https://a.example", "LOCI_AUTH_ISSUER": "https://b.example"},
            "LOCI_ENTERPRISE_ISSUER: must be left out",
        ),
        ({"LOCI_ENTERPRISE_ISSUER": "acme"}, "LOCI_ENTERPRISE_ISSUER: must be scheme://host"),
    ],
)
def test_a_wrong_setting_is_named(environ, says, tmp_path):
    (tmp_path / "loci.env").touch()
    with pytest.raises(SystemExit) as refusal:
        load_settings({"LOCI_ENV_FILE": str(tmp_path / "loci.env")} | environ)
    assert says in str(refusal.value)


def test_providers_are_read_and_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "loci.env").touch()
    (tmp_path / "secret").write_text("from a file\n")
    given = {
        "LOCI_ENV_FILE": str(tmp_path / "loci.env"),
        "LOCI_LOGIN": "both",
        "LOCI_LOGIN_GOOGLE_CLIENT_ID": "loci",
        "LOCI_LOGIN_GOOGLE_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        "LOCI_LOGIN_DOMAINS": "ACME.example, other.example",
    }
    settings = load_settings(given | OIDC)
    assert settings.login_google_client_secret.get_secret_value() == "from a file"
    assert settings.login_domains == ["acme.example", "other.example"]
