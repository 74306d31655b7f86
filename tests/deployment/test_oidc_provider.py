"""The provider that other tests rely on does what they need of it."""

import jwt
import pytest

from tests.helpers.logins.local_ca import LocalCa
from tests.helpers.logins.oidc_provider import Configuration, make_web_client, run_provider

pytestmark = [pytest.mark.anyio, pytest.mark.node]

CLIENT = make_web_client("http://127.0.0.1:33418/callback")
RESOURCE = "https://loci.example/mcp"
ADA = {"email": "ada@example.org", "email_verified": True, "groups": ["staff"], "name": "Ada"}


@pytest.fixture
async def provider(tmp_path):
    configuration = Configuration(
        clients=[CLIENT], accounts={"ada": ADA}, resources={RESOURCE: {"scope": "mcp:read mcp:write"}}
    )
    async with run_provider(LocalCa.make(tmp_path), configuration) as provider:
        yield provider


async def key_ids(provider):
    return [key["kid"] for key in (await provider.http.get(f"{provider.issuer}/jwks")).json()["keys"]]


def body(token):
    return jwt.decode(token, options={"verify_signature": False})


async def test_a_person_logs_in_and_the_id_token_names_them_and_their_groups(provider):
    tokens = await provider.get_tokens("ada", CLIENT, scope="openid email profile groups")
    claims = body(tokens["id_token"])
    assert claims["iss"] == provider.issuer
    assert {"sub": "ada", "aud": "loci"}.items() <= claims.items()
    assert claims.items() >= ADA.items()
    assert claims["nonce"]


async def test_a_resource_gets_an_access_token_that_is_a_jwt_for_it(provider):
    await provider.configure(token_claims={"ada": {"department": "mathematics"}})
    tokens = await provider.get_tokens("ada", CLIENT, scope="mcp:read", resource=RESOURCE)
    claims = body(tokens["access_token"])
    assert {"aud": RESOURCE, "sub": "ada", "client_id": "loci", "scope": "mcp:read"}.items() <= claims.items()
    assert claims["department"] == "mathematics"
    assert jwt.get_unverified_header(tokens["access_token"])["typ"] == "at+jwt"


async def test_its_keys_change_and_the_old_ones_stay_only_if_they_are_kept(provider):
    before = await key_ids(provider)
    assert await provider.rotate() == await key_ids(provider)
    both = await key_ids(provider)
    assert both[len(before) :] == before
    await provider.rotate(keep=False)
    assert not set(await key_ids(provider)) & set(both)
    token = (await provider.get_tokens("ada", CLIENT, scope="mcp:read", resource=RESOURCE))["access_token"]
    assert jwt.get_unverified_header(token)["kid"] in await key_ids(provider)


async def test_a_person_who_changes_their_mind_goes_back_with_an_error(provider):
    url = f"{provider.issuer}/auth?client_id=loci&response_type=code&scope=openid&state=s&code_challenge_method=S256"
    url += f"&code_challenge={'c' * 43}&redirect_uri={CLIENT['redirect_uris'][0]}"
    assert "error=access_denied" in await provider.log_in(url, "ada", cancel=True)


async def test_an_unknown_person_cannot_log_in(provider):
    with pytest.raises(AssertionError):
        await provider.get_tokens("mallory", CLIENT)
