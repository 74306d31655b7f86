"""What happens to requests while an issuer is down, slow, or changes its keys: they are refused or wait, and go on."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from auth.issuers.discovery import IssuerState, UnusableIssuerError
from auth.issuers.issuer import Issuer
from auth.issuers.keys import read_key_set
from server.errors import Failure
from tests.helpers.logins.fake_issuer import make_key, make_public_jwk

pytestmark = pytest.mark.anyio


class Web:
    """What an issuer publishes, or the error in its place; a fetch waits while the gate is closed."""

    def __init__(self):
        self.kids = ["one"]
        self.error = None
        self.fetches = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, _url):
        self.fetches += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        keys = [make_public_jwk(make_key("ES256"), kid=kid) for kid in self.kids]
        return IssuerState({"issuer": "https://issuer.example"}, read_key_set({"keys": keys}), timedelta(minutes=5))


@pytest.fixture
def published():
    return Web()


@pytest.fixture
async def one(published, clock):
    issuer = Issuer("https://issuer.example", published.fetch, clock)
    yield issuer
    await issuer.close()


async def finds(issuer, kid):
    return [key.kid for key in await issuer.find_keys(kid, "ES256")] == [kid]


async def is_unavailable(issuer, kid="one"):
    with pytest.raises(Failure) as refused:
        await issuer.find_keys(kid, "ES256")
    assert refused.value.code == "unavailable"
    assert refused.value.retry_after == 10
    return True


async def test_requests_that_come_together_wait_for_one_fetch(one, published):
    published.gate.clear()
    requests = [asyncio.create_task(finds(one, "one")) for _ in range(50)]
    await asyncio.sleep(0)
    published.gate.set()
    assert all(await asyncio.gather(*requests))
    assert published.fetches == 1


async def test_a_request_that_goes_away_leaves_the_fetch_to_the_others(one, published):
    published.gate.clear()
    first, second = (asyncio.create_task(finds(one, "one")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    published.gate.set()
    assert await second
    assert published.fetches == 1


async def test_keys_are_good_for_their_lifetime_and_are_then_refreshed_while_requests_go_on(one, published, clock):
    assert await finds(one, "one")
    clock.move(minutes=4)
    assert await finds(one, "one")
    assert published.fetches == 1
    clock.move(minutes=1)
    published.gate.clear()
    published.kids = ["two"]
    assert await finds(one, "one")  # nobody waits for the fetch that this begins
    published.gate.set()
    await asyncio.wait_for(settled(one), 60)
    assert published.fetches == 2
    assert await finds(one, "two")
    assert not await finds(one, "one")


async def settled(issuer):
    """Wait until no fetch is under way."""
    while issuer.is_fetching:  # noqa: ASYNC110 - it has no event, and a test needs none
        await asyncio.sleep(0)


async def test_an_unknown_key_is_looked_for_at_once_and_then_once_in_ten_seconds(one, published, clock):
    assert await finds(one, "one")
    clock.move(seconds=10)
    published.kids = ["one", "two"]
    assert await finds(one, "two")
    assert published.fetches == 2
    for number in range(100):
        assert not await finds(one, f"forged-{number}")
        clock.move(seconds=0.09)
    assert published.fetches == 2
    clock.move(seconds=1)
    assert not await finds(one, "forged")
    assert published.fetches == 3


async def test_keys_that_rotate_twice_a_second_cost_a_fetch_in_ten_seconds_and_the_current_one_is_found(
    one, published, clock
):
    found = 0
    for number in range(120):
        published.kids = [f"key-{number}"]
        found += await finds(one, f"key-{number}")
        clock.move(seconds=0.5)
    assert published.fetches <= 7
    assert found >= 6


async def test_without_keys_nobody_is_told_that_a_token_is_wrong_and_a_later_request_finds_them(one, published, clock):
    published.error = UnusableIssuerError("It does not answer (ConnectError).")
    for _ in range(20):
        assert await is_unavailable(one)
    assert published.fetches == 1
    published.error = None
    assert await is_unavailable(one)
    clock.move(seconds=10)
    assert await finds(one, "one")


async def test_an_issuer_that_is_down_keeps_its_known_keys_for_a_day(one, published, clock):
    assert await finds(one, "one")
    published.error = UnusableIssuerError("It does not answer (ConnectError).")
    for _ in range(24):
        clock.move(minutes=59)
        assert await finds(one, "one")
        await asyncio.wait_for(settled(one), 60)
    assert await is_unavailable(one, "unknown")
    clock.move(hours=1)
    assert await is_unavailable(one)
    published.error = None
    clock.move(seconds=10)
    assert await finds(one, "one")


async def test_a_clock_that_is_set_back_stops_no_fetch(one, published, clock):
    published.error = UnusableIssuerError("It does not answer (ConnectError).")
    assert await is_unavailable(one)
    published.error = None
    clock.move(hours=-1)
    assert await finds(one, "one")
    published.kids = ["two"]
    clock.move(hours=-1)
    assert await finds(one, "one")  # it does not wait, and has the keys fetched again
    await asyncio.wait_for(settled(one), 60)
    assert published.fetches == 3
    assert await finds(one, "two")


async def test_an_issuer_that_never_answers_is_given_up(published, clock):
    issuer = Issuer("https://issuer.example", published.fetch, clock, seconds=0.01)
    published.gate.clear()
    assert await is_unavailable(issuer)
    published.gate.set()
    clock.move(seconds=10)
    assert await finds(issuer, "one")


async def test_its_metadata_are_fetched_once_and_outlive_an_outage(one, published, clock):
    published.error = UnusableIssuerError("It does not answer (ConnectError).")
    with pytest.raises(Failure):
        await one.get_metadata()
    published.error = None
    clock.move(seconds=10)
    assert (await one.get_metadata())["issuer"] == "https://issuer.example"
    published.error = UnusableIssuerError("It does not answer (ConnectError).")
    clock.move(hours=1)
    assert (await one.get_metadata())["issuer"] == "https://issuer.example"


BAD_DOCUMENTS = [
    httpx.Response(500, json={}),
    httpx.Response(302, headers={"location": "https://issuer.example/elsewhere"}),
    httpx.Response(200, text="<html>", headers={"content-type": "text/html"}),
    httpx.Response(200, content=b"{", headers={"content-type": "application/json"}),
    httpx.Response(200, content=b"[" * 100_000, headers={"content-type": "application/json"}),
    httpx.Response(200, content=b"\xff", headers={"content-type": "application/json"}),
    httpx.Response(200, json=["keys"]),
    httpx.Response(200, json={"keys": {}}),
    httpx.Response(200, json={"keys": []}),
    httpx.Response(200, json={"keys": [7, None, {}, {"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]}),
    httpx.Response(200, json={"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "first"}]}),
    httpx.Response(200, json={"keys": [{"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "first"}]}),
    httpx.Response(200, json={"keys": [{}] * 101}),
    httpx.Response(200, json={"keys": [], "more": "x" * 300_000}),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
]
NAMES = [f"{number}-{getattr(answer, 'status_code', answer)}" for number, answer in enumerate(BAD_DOCUMENTS)]


@pytest.mark.parametrize("answer", BAD_DOCUMENTS, ids=NAMES)
@pytest.mark.parametrize("document", ["keys", "metadata"])
async def test_garbage_in_place_of_a_document_refuses_tokens_until_the_document_is_there(
    tokens, issuer, clock, log_lines, document, answer
):
    token = issuer.token()
    issuer.instead[document] = answer
    with pytest.raises(Failure) as refused:
        await tokens.verify(token)
    assert refused.value.code == "unavailable"
    (line,) = (line for line in log_lines if line["event"] == "issuer.unusable")
    assert line["reason"]
    issuer.instead.clear()
    clock.move(seconds=10)
    assert await tokens.verify(token) is not None


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"issuer": "https://issuer.example/tenant/"}, "'https://issuer.example/tenant/', and not"),
        ({"issuer": "https://evil.example"}, "'https://evil.example', and not"),
        ({"issuer": None}, "name the issuer None"),
        ({"issuer": 7}, "name the issuer None"),
        ({"jwks_uri": None}, "no `jwks_uri` with https"),
        ({"jwks_uri": "http://issuer.example/keys"}, "no `jwks_uri` with https"),
        ({"jwks_uri": "http://127.0.0.1/keys"}, "no `jwks_uri` with https"),
        ({"jwks_uri": "file:///etc/passwd"}, "no `jwks_uri` with https"),
        ({"jwks_uri": "https:///keys"}, "no `jwks_uri` with https"),
        ({"jwks_uri": "https://[::1/keys"}, "no `jwks_uri` with https"),
        ({"jwks_uri": "https://\u2100.example/keys"}, "no `jwks_uri` with https"),
        ({"jwks_uri": "https://issuer.example:99999/keys"}, "The key set cannot be asked for"),
        ({"jwks_uri": "https://xn--a.example/keys"}, "The key set cannot be asked for"),
    ],
)
async def test_metadata_of_another_issuer_or_without_safe_keys_are_not_used(
    tokens, issuer, log_lines, metadata, reason
):
    issuer.metadata |= metadata
    with pytest.raises(Failure, match="does not publish its keys right now"):
        await tokens.verify(issuer.token())
    assert any(reason in line["reason"] for line in log_lines if line["event"] == "issuer.unusable")
    assert issuer.requests == 0


async def test_an_issuer_of_rfc_8414_is_found_where_that_puts_its_metadata(tokens, issuer, web):
    issuer.instead["metadata"] = httpx.Response(404)
    web.get("https://issuer.example/.well-known/oauth-authorization-server/tenant").respond(200, json=issuer.metadata)
    assert await tokens.verify(issuer.token()) is not None


async def test_a_token_that_is_wrong_without_a_look_at_its_signature_costs_no_fetch(tokens, issuer):
    for change in ({"iss": "https://elsewhere.example"}, {"aud": "other"}, {"exp": 1}, {"header": {"typ": "x"}}):
        with pytest.raises(Failure):
            await tokens.verify(issuer.token(**change))
    assert issuer.requests == 0


async def test_a_private_key_that_is_published_by_mistake_is_read_as_its_public_half(tokens, issuer):
    private = type(issuer)(issuer.clock, audience=issuer.audience).key.private_numbers().private_value
    issuer.jwks["keys"][0]["d"] = hex(private)
    assert await tokens.verify(issuer.token()) is not None
