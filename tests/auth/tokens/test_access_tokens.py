"""Which tokens are taken, and that a good one stops to be as soon as its grant or its user does."""

from datetime import timedelta

import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from server.store.tables.accounts import users

pytestmark = pytest.mark.anyio


@pytest.fixture
async def token(flow):
    return (await flow.tokens())["access_token"]


@pytest.fixture
async def forge(auth, token):
    """Makes a token that differs from a good one in what it is told."""
    key = await auth.keys.get_signing_key()
    good = jwt.decode(token, options={"verify_signature": False})

    def make(*, header=(), without=(), signed_with=None, algorithm="ES256", **claims):
        values = {name: value for name, value in (good | claims).items() if name not in without}
        headers = {"typ": "at+jwt", "kid": key.kid} | dict(header)
        secret = "" if algorithm == "none" else signed_with or key.private_key
        return jwt.encode(values, secret, algorithm, headers=headers)

    return make


async def test_a_token_that_is_forged_from_a_good_one_without_a_change_is_taken(auth, forge):
    assert await auth.tokens.verify(forge()) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"header": {"typ": "JWT"}},
        {"header": {"kid": "unknown"}},
        {"header": {"kid": "../../../dev/null"}},
        {"header": {"kid": "' OR 1=1 --"}},
        {"aud": "https://elsewhere.example/mcp"},
        {"aud": "http://127.0.0.1:8080"},
        {"aud": "http://127.0.0.1:8080/mcp/"},
        {"aud": "http://127.0.0.1:8080/v1/mcp"},
        {"aud": ["http://127.0.0.1:8080/mcp", "https://elsewhere.example"]},
        {"iss": "https://elsewhere.example"},
        {"iss": "http://127.0.0.1:8080/"},
        {"sub": "somebody-else"},
        {"client_id": "another-client"},
        {"gid": "no-such-grant"},
        {"gid": 7},
        {"scope": ["memory:read"]},
        {"iat": 4102444800},
        {"exp": 4102444800.5},
        {"exp": "tomorrow"},
    ],
    ids=str,
)
async def test_a_token_with_one_thing_wrong_is_refused(auth, forge, change):
    assert await auth.tokens.verify(forge(**change)) is None


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "sub", "jti", "client_id", "gid", "scope"])
async def test_a_token_without_a_claim_that_it_must_have_is_refused(auth, forge, claim):
    assert await auth.tokens.verify(forge(without=[claim])) is None


async def test_a_token_that_is_not_signed_is_refused(auth, forge):
    assert await auth.tokens.verify(forge(algorithm="none")) is None


async def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(auth, forge):
    key = await auth.keys.get_signing_key()
    jwk = str(key.to_public_jwk()).encode()
    assert await auth.tokens.verify(forge(algorithm="HS256", signed_with=jwk)) is None


async def test_a_token_signed_with_another_key_is_refused(auth, forge):
    assert await auth.tokens.verify(forge(signed_with=generate_private_key(SECP256R1()))) is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.", "é.é.é", "x" * 100_000, "eyJhbGciOiJFUzI1NiJ9"])
async def test_what_is_no_token_is_refused(auth, text):
    assert await auth.tokens.verify(text) is None


async def test_a_token_expires_with_thirty_seconds_of_leeway(auth, token, clock):
    clock.move(minutes=30, seconds=29)
    assert await auth.tokens.verify(token) is not None
    clock.move(seconds=1)
    assert await auth.tokens.verify(token) is None


async def test_a_token_never_gives_a_scope_that_was_not_granted(auth, forge):
    principal = await auth.tokens.verify(forge(scope="memory:read memory:write admin"))
    assert principal.scopes == {"memory:read", "memory:write"}


async def test_a_token_of_a_user_who_was_disabled_is_refused_at_once(auth, token, clock, ada):
    async with auth.db.write() as connection:
        await connection.execute(sa.update(users).where(users.c.id == ada.id).values(disabled_at=clock()))
    assert await auth.tokens.verify(token) is None


async def test_a_token_names_the_time_it_expires(auth, token, clock):
    assert (await auth.tokens.verify(token)).expires_at == clock() + timedelta(minutes=30)
