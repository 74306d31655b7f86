"""The settings of issuers: a wrong one is named, and each algorithm that can be named can be verified."""

from typing import get_args

import pytest

from auth.issuers.keys import ASYMMETRIC
from server.config import load_settings
from server.settings.issuers import Algorithm
from tests.helpers.logins.local_ca import LocalCa


def test_every_algorithm_that_can_be_named_is_asymmetric_and_can_be_verified():
    assert sorted(get_args(Algorithm)) == sorted(ASYMMETRIC)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AUTH_ISSUER", "tenant.auth0.com", "must be scheme://host"),
        ("AUTH_ISSUER", "https://a.example, ftp://b.example", "must be scheme://host"),
        ("AUTH_ISSUER", "http://issuer.example", "must be https unless it is a loopback address"),
        ("AUTH_ISSUER", "https://user:secret@issuer.example", "must not contain a password"),
        ("AUTH_ISSUER", "https://issuer.example/?tenant=a", "must be scheme://host"),
        ("AUTH_ISSUER", "https://issuer.example/" + "a" * 512, "at most 512 characters"),
        ("AUTH_ALGORITHMS", "HS256", "must be 'RS256'"),
        ("AUTH_ALGORITHMS", "none", "must be 'RS256'"),
        ("AUTH_LEEWAY_SECONDS", "3600", "must be 300 or less"),
        ("AUTH_SCOPE_MAP", "mcp:read", 'must be JSON, like {"notes.read": "memory:read"}'),
        ("AUTH_SCOPE_MAP", '["mcp:read"]', "must be a JSON object"),
        ("AUTH_SCOPE_MAP", '{"superuser": "admin"}', "must be 'memory:read' or 'memory:write'"),
        ("AUTH_SCOPE_MAP", '{"two words": "memory:read"}', "must be names of scopes"),
        ("AUTH_DEFAULT_SCOPES", "admin", "must be 'memory:read' or 'memory:write'"),
        ("AUTH_REQUEST_SCOPES", 'a,b"', "must be names of scopes"),
        ("AUTH_SCOPE_CLAIMS", ",", "at least 1 item"),
        ("AUTH_DOMAINS", "example.org", "LOCI_AUTH_ISSUER is not set; LOCI_LOGIN_DOMAINS is for logins"),
        ("AUTH_GROUPS", "staff", "LOCI_AUTH_ISSUER is not set; LOCI_LOGIN_GROUPS is for logins"),
        ("AUTH_GROUPS_CLAIM", "roles", "LOCI_AUTH_ISSUER is not set; LOCI_LOGIN_GROUPS_CLAIM is for logins"),
        ("AUTH_AUDIENCE", "loci", "must be left out, because LOCI_AUTH_ISSUER is not set"),
        ("AUTH_TOKEN_TYPES", "at+jwt", "must be left out, because LOCI_AUTH_ISSUER is not set"),
        ("AUTH_SCOPE_CLAIMS", "roles", "must be left out, because LOCI_AUTH_ISSUER is not set"),
        ("AUTH_SCOPE_MAP", '{"read": "memory:read"}', "must be left out, because LOCI_AUTH_ISSUER is not set"),
        ("AUTH_DEFAULT_SCOPES", "memory:read", "must be left out, because LOCI_AUTH_ISSUER is not set"),
        ("AUTH_REQUEST_SCOPES", "read", "must be left out, because LOCI_AUTH_ISSUER is not set"),
        ("AUTH_SUBJECT_CLAIM", "oid", "must be left out, because LOCI_AUTH_ISSUER is not set"),
        ("AUTH_NAME_CLAIMS", "name", "must be left out, because LOCI_AUTH_ISSUER is not set"),
        ("AUTH_DOMAINS", "ada@example.org", "must be domains, like example.com"),
        ("CA_FILE", "/nowhere/ca.pem", "must be a file of PEM certificates that can be read"),
        ("CA_FILE", "/dev/null", "must be a file of PEM certificates that can be read"),
    ],
)
def test_a_wrong_setting_of_issuers_stops_the_start_and_is_named(name, value, says):
    with pytest.raises(SystemExit) as stopped:
        load_settings({f"LOCI_{name}": value})
    assert str(stopped.value).startswith(f"LOCI_{name}: ")
    assert says in str(stopped.value)
    assert "secret" not in str(stopped.value)


def test_settings_of_issuers_are_read_as_lists_and_maps(tmp_path):
    settings = load_settings(
        {
            "LOCI_AUTH_ISSUER": "https://tenant.eu.auth0.com/, http://localhost:8081/realms/home",
            "LOCI_AUTH_SCOPE_MAP": '{"notes.read": "memory:read"}',
            "LOCI_CA_FILE": str(LocalCa.make(tmp_path).file),
        }
    )
    assert settings.auth_issuer == ["https://tenant.eu.auth0.com/", "http://localhost:8081/realms/home"]
    assert settings.auth_scope_map == {"notes.read": "memory:read"}
