"""Signing keys: made, published, rotated and stored."""

import asyncio

import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from auth.tokens.sealing import Sealer
from auth.tokens.signing import SigningKeys
from server.store.record.oauth.garbage import collect_garbage
from server.store.tables.oauth import signing_keys
from tests.helpers.logins.flow import ON_BOTH

pytestmark = [pytest.mark.anyio, ON_BOTH]


@pytest.fixture
def keys(auth):
    return auth.keys


@pytest.fixture
def elsewhere(auth, clock):
    """The keys as another process sees them."""
    return SigningKeys(auth.db, auth.sealer, clock)


async def test_the_first_key_signs_at_once(keys):
    assert (await keys.get_signing_key()).kid == (await keys.get_key_set())["keys"][0]["kid"]


async def test_the_first_key_signs_although_time_goes_on_while_it_is_made(auth, clock):
    def ticking():
        clock.move(milliseconds=1)
        return clock()

    keys = SigningKeys(auth.db, auth.sealer, ticking)
    assert await keys.get_signing_key()


async def test_the_first_key_signs_where_another_host_made_it_with_a_clock_ahead(keys, elsewhere, clock):
    clock.move(seconds=2)
    made = await elsewhere.get_signing_key()
    clock.move(seconds=-2)
    assert (await keys.get_signing_key()).kid == made.kid


async def test_only_the_public_half_is_published(keys):
    (key,) = (await keys.get_key_set())["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


async def test_the_private_half_is_encrypted_in_the_record(auth, keys):
    await keys.get_signing_key()
    async with auth.db.read() as connection:
        kept = (await connection.execute(sa.select(signing_keys.c.private_key))).scalar_one()
    assert "PRIVATE" not in kept
    assert Sealer("another secret").unseal(kept) is None


async def test_a_new_key_is_published_an_hour_before_it_signs(keys, clock):
    old = (await keys.get_signing_key()).kid
    new = await keys.rotate()
    assert {key["kid"] for key in (await keys.get_key_set())["keys"]} == {old, new}
    clock.move(minutes=59)
    assert (await keys.get_signing_key()).kid == old
    clock.move(minutes=1)
    assert (await keys.get_signing_key()).kid == new


async def test_an_old_key_is_kept_until_its_last_token_has_expired(auth, keys, clock):
    old = (await keys.get_signing_key()).kid
    await keys.rotate()
    clock.move(hours=2)
    assert await keys.find_verifying_key(old) is not None
    clock.move(minutes=1)
    assert await keys.find_verifying_key(old) is None
    async with auth.db.write() as connection:
        assert await collect_garbage(connection, clock()) == 1
    assert old not in {key["kid"] for key in (await keys.get_key_set())["keys"]}


async def test_a_key_of_ninety_days_gets_a_successor(keys, clock):
    old = (await keys.get_signing_key()).kid
    clock.move(days=90)
    assert (await keys.get_signing_key()).kid == old
    assert len((await keys.get_key_set())["keys"]) == 2
    clock.move(hours=1)
    assert (await keys.get_signing_key()).kid != old


async def test_two_processes_that_start_at_once_agree_on_one_key(keys, elsewhere):
    assert (await keys.get_signing_key()).kid == (await elsewhere.get_signing_key()).kid


async def test_many_processes_that_make_the_first_key_at_the_same_moment_make_one_that_each_knows(auth, clock):
    processes = [SigningKeys(auth.db, auth.sealer, clock) for _ in range(5)]
    made = await asyncio.gather(*(each.get_signing_key() for each in processes))
    assert len({key.kid for key in made}) == 1
    for each in processes:
        assert await each.find_verifying_key(made[0].kid) is not None
    async with auth.db.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(signing_keys)) == 1


async def test_a_key_that_another_process_made_is_found_but_looked_for_at_most_every_thirty_seconds(
    keys, elsewhere, clock
):
    await keys.get_signing_key()
    new = await elsewhere.rotate()
    assert await keys.find_verifying_key(new) is None
    clock.move(seconds=30)
    assert await keys.find_verifying_key(new) is not None


async def test_after_the_secret_changed_a_new_key_signs_and_the_old_tokens_are_refused(auth, flow, clock):
    token = (await flow.tokens())["access_token"]
    keys = SigningKeys(auth.db, Sealer("a new secret"), clock)
    kid = (await keys.get_signing_key()).kid
    assert kid != jwt.get_unverified_header(token)["kid"]
    assert await keys.find_verifying_key(jwt.get_unverified_header(token)["kid"]) is None


#: A stored private key and its public JWK as servers have published it. The x of the second begins with a zero byte.
KNOWN_KEYS = [
    (
        1000003,
        "kxb2_r07Ln3pfmXWpWD-01mQn9ieZqZCSPeSA1PNIVQ",
        "Jnl1cgC7ML5WTOTt988yd2jZ18HMBgTGmD2VL2rTWNs",
        "WnAMpsKgN235YdXcmQ4V98g2NghzM8ctRqvBsf3Wf10",
    ),
    (
        379,
        "AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo",
        "u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I",
        "7Yxe6c_3bAa6kiaK1G-BZmi9EeNsUmlcbdnrtLeuK4E",
    ),
]


@pytest.mark.parametrize(("number", "x", "y", "kid"), KNOWN_KEYS)
async def test_a_key_is_published_as_it_always_was_and_has_the_same_id(keys, monkeypatch, number, x, y, kid):
    private_key = derive_private_key(number, SECP256R1())
    monkeypatch.setattr("auth.tokens.signing.generate_private_key", lambda _curve: private_key)
    assert (await keys.get_signing_key()).kid == kid
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": "ES256"}
    assert (await keys.get_key_set())["keys"] == [jwk]
