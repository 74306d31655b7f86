"""A server that accepts the tokens of a real OpenID provider, which is on loopback with a certificate of its own CA."""

import ssl
from urllib.parse import parse_qs, urlsplit

import pytest
from mcp.shared.auth import AuthorizationCodeResult

from server.ids import UserId
from tests.helpers.clock import ShiftedClock
from tests.helpers.logins.oauth_client import CALLBACK, Login, Storage, open_logged_in_client, remember
from tests.helpers.logins.oidc_provider import Configuration, make_web_client, run_provider
from tests.helpers.programs.processes import find_free_port
from tests.helpers.site import Person, open_site

pytestmark = [pytest.mark.anyio, pytest.mark.node]

CLIENT = make_web_client(CALLBACK, client_id="shared-by-everybody")
SCOPES = "openid offline_access memory:read memory:write"


class ProviderLogin(Login):
    """A login at the provider."""

    def __init__(self, name, provider):
        super().__init__(name, verify=ssl.create_default_context(cafile=provider.ca_file))
        self.provider = provider

    async def open(self, url):
        self.asked.append(url)
        self.answer = await self.provider.log_in(url, self.name)

    async def callback(self):
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.answer).query).items()}
        return AuthorizationCodeResult(code=query["code"], state=query["state"], iss=query["iss"])


@pytest.fixture
def clock():
    return ShiftedClock()


@pytest.fixture
async def provider(ca):
    accounts = {"ada": {"preferred_username": "ada"}, "bob": {"preferred_username": "bob"}}
    async with run_provider(ca, Configuration(clients=[CLIENT], accounts=accounts)) as provider:
        yield provider


@pytest.fixture
def trusting(ca):
    """The settings by which the server trusts the CA."""
    return {"ca_file": ca.file}


@pytest.fixture
async def site(settings, provider, clock, trusting):
    async with open_site(settings.model_copy(update={"auth_issuer": [provider.issuer]} | trusting), clock) as site:
        resource = {"scope": "memory:read memory:write", "seconds": 600}
        await provider.configure(resources={f"{site.url}/mcp": resource, f"{site.url}/v1/mcp": resource})
        yield site


async def token_of(provider, site, account, path="/mcp"):
    tokens = await provider.get_tokens(account, CLIENT, scope=SCOPES, resource=f"{site.url}{path}")
    return tokens["access_token"]


async def person(provider, site, account, path="/mcp"):
    """Somebody with a fresh token of the provider."""
    token = await token_of(provider, site, account, path)
    return Person(account, UserId(""), "", token, site.url, site.client(token))


async def test_the_official_client_finds_the_provider_logs_in_and_remembers(site, provider):
    login = ProviderLogin("ada", provider)
    async with open_logged_in_client(site, Storage(), login) as client:
        fetched = await remember(client)
    assert fetched["content"] == "The heron nests at the north pond"
    assert [url.startswith(f"{provider.issuer}/auth?") for url in login.asked] == [True]


async def test_two_people_of_one_client_are_two_at_every_door(site, provider):
    ada, bob = await person(provider, site, "ada"), await person(provider, site, "bob")
    memory = await ada.store("the heron stands by the pond")
    assert (await ada.http.get(f"/v1/memories/{memory}")).status_code == 200
    assert (await bob.http.get(f"/v1/memories/{memory}")).status_code == 404
    assert (await bob.http.get("/v1/memories")).json()["memories"] == []
    link = await person(provider, site, "bob", "/v1/mcp")
    async with link.mcp("/v1/mcp") as client:
        assert (await client.list_tools()).tools
    assert (await link.http.get("/v1/memories")).status_code == 401


async def test_a_provider_that_changes_its_keys_and_drops_the_old_ones_is_followed(site, provider, clock):
    before = await person(provider, site, "ada")
    memory = await before.store("before the change")
    await provider.rotate(keep=False)
    clock.move(seconds=10)
    after = await person(provider, site, "ada")
    assert (await after.http.get(f"/v1/memories/{memory}")).status_code == 200
    clock.move(minutes=5)
    assert (await before.http.get("/v1/memories")).status_code == 401


async def test_a_provider_that_was_away_is_used_again_without_a_restart(settings, ca, clock, trusting):
    configuration = Configuration(clients=[CLIENT], accounts={"ada": {}})
    port = find_free_port()
    settings = settings.model_copy(update={"auth_issuer": [f"https://localhost:{port}"]} | trusting)
    async with open_site(settings, clock) as site:
        configuration.resources = {f"{site.url}/mcp": {"scope": "memory:read memory:write"}}
        async with run_provider(ca, configuration, port) as provider:
            stranded = site.client(await token_of(provider, site, "ada"))
        assert (await stranded.get("/v1/memories")).status_code == 503
        async with run_provider(ca, configuration, port) as provider:
            ada = await person(provider, site, "ada")
            assert (await ada.http.get("/v1/memories")).status_code == 503
            clock.move(seconds=10)
            assert (await ada.http.get("/v1/memories")).status_code == 200
            # The provider has other keys since it has started again.
            assert (await stranded.get("/v1/memories")).status_code == 401


@pytest.mark.parametrize("trusting", [{}])
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", None])
async def test_a_certificate_is_checked_and_the_usual_variable_is_read(site, provider, ca, monkeypatch, variable):
    if variable is not None:
        monkeypatch.setenv(variable, str(ca.file))
    ada = await person(provider, site, "ada")
    assert (await ada.http.get("/v1/memories")).status_code == (503 if variable is None else 200)
