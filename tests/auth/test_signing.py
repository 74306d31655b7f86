"""How signing keys are made, published, rotated and kept."""

import jwt
import pytest
import sqlalchemy as sa

from auth.tokens.sealing import Sealer
from auth.tokens.signing import SigningKeys
from server.store.record.oauth.garbage import collect_garbage
from server.store.tables.oauth import signing_keys
from tests.helpers.flow import ON_BOTH

pytestmark = [pytest.mark.anyio, ON_BOTH]


@pytest.fixture
def keys(auth):
    return auth.keys


@pytest.fixture
def elsewhere(auth, clock):
    """The keys as another process sees them."""
    return SigningKeys(auth.db, auth.sealer, clock)


async def test_the_first_key_signs_at_once(keys):
    assert (await keys.signing()).kid == (await keys.published())["keys"][0]["kid"]


async def test_the_first_key_signs_although_time_goes_on_while_it_is_made(auth, clock):
    def ticking():
        clock.move(milliseconds=1)
        return clock()

    keys = SigningKeys(auth.db, auth.sealer, ticking)
    assert await keys.signing()


async def test_the_first_key_signs_where_another_host_made_it_with_a_clock_ahead(keys, elsewhere, clock):
    clock.move(seconds=2)
    made = await elsewhere.signing()
    clock.move(seconds=-2)
    assert (await keys.signing()).kid == made.kid


async def test_only_the_public_half_is_published(keys):
    (key,) = (await keys.published())["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


async def test_the_private_half_is_encrypted_in_the_record(auth, keys):
    await keys.signing()
    async with auth.db.read() as connection:
        kept = (await connection.execute(sa.select(signing_keys.c.private_key))).scalar_one()
    assert "PRIVATE" not in kept
    assert Sealer("another secret").unseal(kept) is None


async def test_a_new_key_is_published_an_hour_before_it_signs(keys, clock):
    old = (await keys.signing()).kid
    new = await keys.rotate()
    assert {key["kid"] for key in (await keys.published())["keys"]} == {old, new}
    clock.move(minutes=59)
    assert (await keys.signing()).kid == old
    clock.move(minutes=1)
    assert (await keys.signing()).kid == new


async def test_an_old_key_is_kept_until_its_last_token_has_expired(auth, keys, clock):
    old = (await keys.signing()).kid
    await keys.rotate()
    clock.move(hours=2)
    assert await keys.verifying(old) is not None
    clock.move(minutes=1)
    assert await keys.verifying(old) is None
    async with auth.db.write() as connection:
        assert await collect_garbage(connection, clock()) == 1
    assert old not in {key["kid"] for key in (await keys.published())["keys"]}


async def test_a_key_of_ninety_days_gets_a_successor(keys, clock):
    old = (await keys.signing()).kid
    clock.move(days=90)
    assert (await keys.signing()).kid == old
    assert len((await keys.published())["keys"]) == 2
    clock.move(hours=1)
    assert (await keys.signing()).kid != old


async def test_two_processes_that_start_at_once_agree_on_one_key(keys, elsewhere):
    assert (await keys.signing()).kid == (await elsewhere.signing()).kid


async def test_a_key_that_another_process_made_is_found_but_looked_for_at_most_every_thirty_seconds(
    keys, elsewhere, clock
):
    await keys.signing()
    new = await elsewhere.rotate()
    assert await keys.verifying(new) is None
    clock.move(seconds=30)
    assert await keys.verifying(new) is not None


async def test_after_the_secret_changed_a_new_key_signs_and_the_old_tokens_are_refused(auth, flow, clock):
    token = (await flow.tokens())["access_token"]
    keys = SigningKeys(auth.db, Sealer("a new secret"), clock)
    kid = (await keys.signing()).kid
    assert kid != jwt.get_unverified_header(token)["kid"]
    assert await keys.verifying(jwt.get_unverified_header(token)["kid"]) is None
