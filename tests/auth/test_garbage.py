"""The rows that garbage collection deletes, and those that it keeps."""

import pytest
import respx
import sqlalchemy as sa

from server.store.record.oauth.garbage import collect_garbage
from server.store.tables.oauth import oauth_clients, oauth_codes, oauth_documents, oauth_grants, oauth_refresh_tokens
from tests.auth.clients.test_documents import AT, CALLBACK, DOCUMENT, URL
from tests.helpers.logins.flow import ON_BOTH, Flow

pytestmark = [pytest.mark.anyio, ON_BOTH]


@pytest.fixture
def collect(auth, clock):
    async def run():
        async with auth.db.write() as connection:
            return await collect_garbage(connection, clock())

    return run


@pytest.fixture
def count(auth):
    async def run(table):
        async with auth.db.read() as connection:
            return (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()

    return run


async def test_a_client_that_nobody_agreed_to_is_forgotten_after_a_day(http, auth, clock, collect, count):
    await Flow(http, auth.issuer).register()
    clock.move(hours=23)
    await collect()
    assert await count(oauth_clients) == 1
    clock.move(hours=1)
    await collect()
    assert await count(oauth_clients) == 0


async def test_a_client_that_is_used_is_kept_and_forgotten_ninety_days_after(flow, clock, collect, count):
    tokens = await flow.tokens()
    clock.move(days=29)
    tokens = (await flow.refresh(tokens["refresh_token"])).json()
    clock.move(days=70)
    await collect()
    assert await count(oauth_clients) == 1
    clock.move(days=20)
    await collect()
    assert await count(oauth_clients) == 0


async def test_codes_sessions_links_tries_and_tokens_are_forgotten_when_they_expired(flow, auth, clock, collect, count):
    await flow.code()
    await auth.start()
    assert await collect() == 0
    clock.move(minutes=1)
    assert await collect() == 1
    assert await count(oauth_codes) == 0
    await flow.tokens()
    clock.move(days=90)
    await collect()
    assert await count(oauth_refresh_tokens) == await count(oauth_grants) == 0
    assert await collect() == 0


async def test_a_revoked_grant_is_kept_for_a_month_so_that_a_replay_is_recognised(flow, clock, collect, count):
    tokens = await flow.tokens()
    await flow.revoke(tokens["refresh_token"])
    clock.move(days=29)
    await collect()
    assert await count(oauth_grants) == 1
    clock.move(days=1)
    await collect()
    assert await count(oauth_grants) == 0


async def test_a_document_is_kept_as_long_as_a_grant_needs_it(flow, clock, collect, count):
    with respx.mock as web:
        web.get(AT).respond(json=DOCUMENT)
        flow.client = {"client_id": URL}
        await flow.redeem(await flow.code(redirect_uri=CALLBACK), redirect_uri=CALLBACK)
    clock.move(days=2)
    await collect()
    assert await count(oauth_documents) == 1
    clock.move(days=90)
    await collect()
    await collect()
    assert await count(oauth_documents) == 0
