"""Which tokens of an issuer are taken, for whom, and how a refusal says why."""

import asyncio
import base64
import json
from datetime import timedelta

import pytest
from jwt.algorithms import HMACAlgorithm

from auth.issuers.external_tokens import MAX_LENGTH, VERIFIED_FOR
from auth.issuers.subjects import find_or_make_subject
from server.errors import Failure
from server.store.record.people.accounts import create_user, list_users
from server.store.record.works.outbox import Outbox, list_events
from server.store.tables.accounts import users
from tests.helpers.logins.fake_issuer import make_key, make_public_jwk, make_public_pem
from tests.helpers.logins.flow import ON_BOTH

pytestmark = pytest.mark.anyio

HOUR = 3600


async def refusal(tokens, token):
    """Why a token is refused."""
    with pytest.raises(Failure) as refused:
        await tokens.verify(token)
    assert refused.value.code == "unauthorized"
    return refused.value.message


async def people(db):
    async with db.read() as connection:
        return await list_users(connection)


@ON_BOTH
async def test_a_person_who_was_never_here_becomes_a_user_and_stays_that_user(tokens, issuer, db, clock):
    first = await tokens.verify(issuer.token(preferred_username="ada"))
    clock.move(minutes=30)
    again = await tokens.verify(issuer.token(preferred_username="renamed", email="other@example.org"))
    (user,) = await people(db)
    assert (user.name, user.password_hash, user.is_admin) == ("ada", None, False)
    assert first.user_id == again.user_id == user.id
    assert first.account_id == user.account_id
    assert first.credential_id == again.credential_id
    assert first.via == "issuer"
    assert first.scopes == {"memory:read", "memory:write"}


async def test_a_principal_ends_with_its_token_and_is_verified_again_before_that(tokens, issuer, clock):
    principal = await tokens.verify(issuer.token())
    assert principal.expires_at == clock() + timedelta(seconds=600 + 60)
    assert principal.verified_until == clock() + VERIFIED_FOR
    assert principal.audience == issuer.audience
    assert principal.client_id == "app"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://elsewhere.example"}, "another issuer (`iss`)"),
        ({"iss": "https://issuer.example/tenant/"}, "another issuer (`iss`)"),
        ({"iss": None}, "another issuer (`iss`)"),
        ({"iss": "https://issuer.example/"}, "another issuer (`iss`)"),
        ({"aud": "http://127.0.0.1:8080"}, "another audience (`aud`)"),
        ({"aud": "http://127.0.0.1:8080/mcp/"}, "another audience (`aud`)"),
        ({"aud": ["https://elsewhere.example"]}, "another audience (`aud`)"),
        ({"aud": None}, "another audience (`aud`)"),
        ({"aud": {"http://127.0.0.1:8080/mcp": 1}}, "another audience (`aud`)"),
        ({"sub": None}, "no subject (`sub`)"),
        ({"sub": ""}, "no subject (`sub`)"),
        ({"sub": 7}, "no subject (`sub`)"),
        ({"sub": "a\x00b"}, "no subject (`sub`)"),
        ({"sub": "s" * 256}, "more than 255 characters"),
        ({"exp": None}, "no end (`exp`)"),
        ({"exp": "tomorrow"}, "a malformed time (`exp`)"),
        ({"exp": True}, "a malformed time (`exp`)"),
        ({"exp": float("nan")}, "a malformed time (`exp`)"),
        ({"nbf": "now"}, "a malformed time (`nbf`)"),
        ({"iat": -1}, "a malformed time (`iat`)"),
        ({"header": {"typ": "logout+jwt"}}, "a type that this server does not accept (`typ`)"),
        ({"header": {"typ": 7}}, "a type that this server does not accept (`typ`)"),
        ({"header": {"kid": "unknown"}}, "does not publish (`kid`)"),
        ({"header": {"kid": "../../../dev/null"}}, "does not publish (`kid`)"),
        ({"key": make_key("ES256", "stranger's")}, "not signed by its issuer"),
        ({"key": make_key("RS256"), "alg": "RS256"}, "does not publish (`kid`)"),
        ({"key": make_key("RS256"), "alg": "RS512"}, "an algorithm that this server accepts (`alg`)"),
        ({"key": "k" * 64, "alg": "HS256"}, "an algorithm that this server accepts (`alg`)"),
    ],
)
async def test_a_token_with_something_wrong_is_refused_and_says_what(tokens, issuer, db, change, why):
    assert why in await refusal(tokens, issuer.token(**change))
    assert await people(db) == []
    assert await tokens.verify(issuer.token()) is not None


@pytest.mark.parametrize("shift", [-HOUR, HOUR])
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
async def test_an_issuer_whose_clock_is_off_by_an_hour_is_told_apart(tokens, issuer, clock, claim, shift):
    token = issuer.token(**{claim: int(clock().timestamp()) + shift})
    is_wrong = (claim == "exp") == (shift < 0)
    if is_wrong:
        assert f"`{claim}`" in await refusal(tokens, token)
    else:
        assert await tokens.verify(token) is not None


async def test_clocks_that_differ_by_less_than_the_leeway_do_no_harm(make_verifier, issuer, clock):
    now = int(clock().timestamp())
    late, early = issuer.token(exp=now - 59), issuer.token(iat=now + 59, nbf=now + 59)
    tokens, strict = make_verifier(), make_verifier(auth_leeway_seconds=0)
    for token in (late, early):
        assert await tokens.verify(token) is not None
        await refusal(strict, token)
    assert (await tokens.verify(issuer.token(exp=10**400))).expires_at.year == 9999


def encode(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_a_token_without_a_signature_is_refused(tokens, issuer):
    for algorithm in ("none", "None", ""):
        header = {"alg": algorithm, "kid": "first", "typ": "at+jwt"}
        assert "`alg`" in await refusal(tokens, f"{encode(header)}.{encode(issuer.claims())}.")


async def test_the_public_key_is_no_secret_to_sign_with(tokens, issuer):
    """`alg: HS256` with the published key as the secret, which verifiers that trust the header take."""
    for secret in (make_public_pem(issuer.key), json.dumps(issuer.jwks["keys"][0]).encode()):
        header = {"alg": "HS256", "kid": "first", "typ": "at+jwt"}
        body = f"{encode(header)}.{encode(issuer.claims())}"
        signature = HMACAlgorithm(HMACAlgorithm.SHA256).sign(body.encode(), secret)
        signed = f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        assert "`alg`" in await refusal(tokens, signed)


async def test_a_key_verifies_its_own_algorithms_alone(tokens, issuer):
    rsa = make_key("RS256")
    issuer.jwks["keys"] += [make_public_jwk(rsa, kid="rsa", alg="RS256"), make_public_jwk(rsa, kid="any")]
    assert await tokens.verify(issuer.token(key=rsa, alg="RS256", header={"kid": "rsa"})) is not None
    assert await tokens.verify(issuer.token(key=rsa, alg="PS256", header={"kid": "any"})) is not None
    assert "`kid`" in await refusal(tokens, issuer.token(key=rsa, alg="PS256", header={"kid": "rsa"}))
    assert "`kid`" in await refusal(tokens, issuer.token(header={"kid": "rsa"}))


async def test_two_keys_of_one_id_are_both_tried(tokens, issuer):
    other = make_key("ES256", "other")
    issuer.jwks["keys"] = [make_public_jwk(key, kid="first") for key in (other, issuer.key)]
    assert await tokens.verify(issuer.token()) is not None
    assert await tokens.verify(issuer.token(key=other)) is not None
    assert "not signed" in await refusal(tokens, issuer.token(key=make_key("ES256", "third")))


async def test_a_token_that_names_no_key_is_taken_if_only_one_key_fits(tokens, make_verifier, issuer):
    unnamed = issuer.token(header={"kid": None})
    assert await tokens.verify(unnamed) is not None
    issuer.jwks["keys"].append(make_public_jwk(make_key("ES256", "other"), kid="second"))
    assert "`kid`" in await refusal(make_verifier(), unnamed)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "a.b", "é.b.c", "mp_live_x", f"{encode({'alg': 'ES256'})}.e30.x"])
async def test_a_text_that_is_no_token_is_nobodys(tokens, text):
    assert await tokens.verify(text) is None


@pytest.mark.parametrize("algorithm", [["ES256"], {"ES256": 1}, None, 7])
async def test_a_token_whose_algorithm_is_no_text_is_nobodys(tokens, issuer, algorithm):
    header = {"alg": algorithm, "kid": "first", "typ": "at+jwt"}
    assert await tokens.verify(f"{encode(header)}.{encode(issuer.claims())}.eA") is None


async def test_a_token_with_an_extension_that_must_be_understood_is_nobodys(tokens, issuer):
    assert await tokens.verify(issuer.token(header={"crit": ["exp"], "exp": 1})) is None


async def test_a_token_that_is_too_long_is_nobodys(tokens, issuer):
    assert await tokens.verify(issuer.token(groups=["g" * 100] * 200)) is None
    assert MAX_LENGTH == 16 * 1024


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/at+jwt", "AT+JWT", None])
async def test_the_usual_types_of_access_tokens_are_taken(tokens, issuer, typ):
    assert await tokens.verify(issuer.token(header={"typ": typ})) is not None


async def test_an_operator_may_allow_the_type_of_access_tokens_alone(make_verifier, issuer):
    strict = make_verifier(auth_token_types="at+jwt")
    assert await strict.verify(issuer.token()) is not None
    for typ in ("JWT", None):
        assert "`typ`" in await refusal(strict, issuer.token(header={"typ": typ}))


@pytest.mark.parametrize(
    ("claims", "settings", "scopes"),
    [
        ({"scope": "memory:read"}, {}, {"memory:read"}),
        ({"scope": "openid mcp:write"}, {}, {"memory:read", "memory:write"}),
        ({"scope": ["mcp:read"]}, {}, {"memory:read"}),
        ({"scope": None, "scp": "memory:read"}, {}, {"memory:read"}),
        ({"scope": None, "scp": ["memory:read"]}, {}, {"memory:read"}),
        ({"scope": "openid", "permissions": ["mcp:read"]}, {}, {"memory:read"}),
        ({"scope": "mcp:read", "permissions": ["mcp:read", "mcp:write"]}, {}, {"memory:read"}),
        ({"scope": "admin"}, {}, set()),
        ({"scope": None}, {}, set()),
        ({"scope": 7}, {}, set()),
        ({"scope": None}, {"auth_default_scopes": "memory:read"}, {"memory:read"}),
        ({"scope": "openid"}, {"auth_default_scopes": "memory:write"}, {"memory:read", "memory:write"}),
        ({"scope": "notes.read"}, {"auth_scope_map": '{"notes.read": "memory:read"}'}, {"memory:read"}),
        ({"scope": "memory:write"}, {"auth_scope_map": '{"notes.read": "memory:read"}'}, set()),
        (
            {"scope": "openid", "realm_access": {"roles": ["memory:read"]}},
            {"auth_scope_claims": "realm_access.roles"},
            {"memory:read"},
        ),
        ({"https://x.example/s": "memory:read"}, {"auth_scope_claims": "https://x.example/s"}, {"memory:read"}),
    ],
)
async def test_scopes_are_read_from_the_claims_that_the_settings_name(make_verifier, issuer, claims, settings, scopes):
    assert (await make_verifier(**settings).verify(issuer.token(**claims))).scopes == scopes


async def test_an_audience_of_the_operators_stands_for_the_whole_server(make_verifier, issuer):
    tokens = make_verifier(auth_audience="https://api.example, loci")
    principal = await tokens.verify(issuer.token(aud=["other", "loci"]))
    assert principal.audience == "http://127.0.0.1:8080/mcp"
    assert "`aud`" in await refusal(tokens, issuer.token())


async def test_the_recall_link_is_an_audience_of_its_own(tokens, issuer):
    link = "http://127.0.0.1:8080/v1/mcp"
    assert (await tokens.verify(issuer.token(aud=link))).audience == link


async def test_two_people_of_one_client_with_one_email_are_two_users(tokens, issuer, db):
    ada = await tokens.verify(issuer.token(sub="1", email="a@example.org", client_id="https://app.example/client"))
    bob = await tokens.verify(issuer.token(sub="2", email="a@example.org", client_id="https://app.example/client"))
    assert ada.user_id != bob.user_id
    assert ada.account_id != bob.account_id
    assert ada.credential_id != bob.credential_id
    assert {user.name for user in await people(db)} == {"a@example.org", "a@example.org-2"}


async def test_one_subject_at_two_issuers_is_two_users(make_verifier, issuer, web, clock):
    other = type(issuer)(clock, audience=issuer.audience, url="https://other.example")
    tokens = make_verifier(auth_issuer=f"{issuer.url},{other.url}")
    other.answer(web)
    assert (await tokens.verify(other.token())).user_id != (await tokens.verify(issuer.token())).user_id


async def test_a_key_of_one_issuer_signs_no_token_of_another(make_verifier, issuer, web, clock):
    other = type(issuer)(clock, audience=issuer.audience, url="https://other.example")
    other.rotate("second")
    other.answer(web)
    tokens = make_verifier(auth_issuer=f"{issuer.url},{other.url}")
    assert await tokens.verify(other.token(header={"kid": "second"})) is not None
    for kid in ("first", "second"):
        forged = issuer.token(key=other.key, header={"kid": kid})
        assert ("not signed" if kid == "first" else "`kid`") in await refusal(tokens, forged)


async def test_a_name_in_a_token_gives_no_access_to_the_user_of_that_name(tokens, issuer, db, clock):
    async with db.write() as connection:
        admin = await create_user(connection, name="admin", password_hash="x", is_admin=True, now=clock())
    principal = await tokens.verify(issuer.token(preferred_username="Admin"))
    assert principal.user_id != admin.id
    assert {user.name for user in await people(db)} == {"admin", "Admin-2"}


async def test_a_user_who_was_disabled_is_refused(tokens, issuer, db, clock):
    await tokens.verify(issuer.token())
    async with db.write() as connection:
        await connection.execute(users.update().values(disabled_at=clock()))
    assert "disabled" in await refusal(tokens, issuer.token())


async def test_another_claim_may_say_who_a_person_is(make_verifier, issuer):
    tokens = make_verifier(auth_subject_claim="oid")
    first, again = issuer.token(sub="pairwise-1", oid="ada"), issuer.token(sub="pairwise-2", oid="ada")
    assert (await tokens.verify(first)).user_id == (await tokens.verify(again)).user_id
    assert "`oid`" in await refusal(tokens, issuer.token())


async def test_a_webhook_is_told_of_a_user_once_at_the_first_token(db, clock):
    outbox = Outbox(clock)
    for _ in range(2):
        found = await find_or_make_subject(db, "https://issuer.test", "auth0|1", "Ann", clock(), outbox)
    async with db.read() as connection:
        (event,) = await list_events(connection, None, 9)
    assert event.type == "account.created"
    assert json.loads(event.payload)["data"] == {
        "account_id": found.account_id,
        "user_id": found.user_id,
        "name": "Ann",
        "email": None,
    }


@ON_BOTH
async def test_first_tokens_that_come_at_once_make_one_user_of_each_subject(make_verifier, issuer, db):
    servers = [make_verifier(), make_verifier()]
    tokens = [issuer.token(sub=f"subject-{n % 3}", email="shared@example.org", jti=str(n)) for n in range(9)]
    principals = await asyncio.gather(*(server.verify(token) for token in tokens for server in servers))
    assert len({principal.user_id for principal in principals}) == 3
    assert {user.name for user in await people(db)} == {f"shared@example.org{end}" for end in ("", "-2", "-3")}


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "ada"}, "ada"),
        ({"preferred_username": "", "email": "ada@example.org"}, "ada@example.org"),
        ({"preferred_username": 7, "email": "ada@example.org"}, "ada@example.org"),
        ({"preferred_username": "Ада Лавлейс"}, "Ада-Лавлейс"),
        ({"preferred_username": "ACME\\ada"}, "ACME-ada"),
        ({"preferred_username": "<script>"}, "script"),
        ({"preferred_username": "..."}, "user"),
        ({"preferred_username": "a" * 500}, "a" * 64),
        ({}, "user"),
    ],
)
async def test_a_user_is_named_as_the_token_says_as_far_as_a_name_may_be(tokens, issuer, db, claims, name):
    await tokens.verify(issuer.token(**claims))
    assert [user.name for user in await people(db)] == [name]


@pytest.mark.parametrize(
    ("lists", "claims", "is_welcome"),
    [
        ({"auth_domains": ["example.org"]}, {"email": "ada@Example.org", "email_verified": True}, True),
        ({"auth_domains": ["example.org"]}, {"email": "ada@example.org"}, False),
        ({"auth_domains": ["example.org"]}, {"email": "ada@example.org", "email_verified": "true"}, False),
        ({"auth_domains": ["example.org"]}, {"email": "ada@sub.example.org", "email_verified": True}, False),
        ({"auth_domains": ["example.org"]}, {"email": ["ada@example.org"], "email_verified": True}, False),
        ({"auth_domains": ["example.org"]}, {}, False),
        ({"auth_groups": ["staff"]}, {"groups": ["guests", "staff"]}, True),
        ({"auth_groups": ["staff"]}, {"groups": "staff"}, True),
        ({"auth_groups": ["staff"]}, {"groups": ["Staff", 7, None]}, False),
        ({"auth_groups": ["staff"]}, {"groups": {"staff": True}}, False),
        ({"auth_groups": ["staff"], "auth_groups_claim": "in.it"}, {"in": {"it": ["staff"]}}, True),
        ({"auth_groups": ["staff"], "auth_domains": ["example.org"]}, {"groups": ["staff"]}, True),
        ({"auth_groups": ["staff"], "auth_domains": ["example.org"]}, {"groups": ["guests"]}, False),
    ],
)
async def test_only_people_on_a_list_come_if_there_is_one(make_verifier, issuer, db, lists, claims, is_welcome):
    tokens = make_verifier(**lists)
    if is_welcome:
        assert (await tokens.verify(issuer.token(**claims))).via == "issuer"
    else:
        assert "may not use this server" in await refusal(tokens, issuer.token(**claims))
        assert await people(db) == [], "nobody is made of a token that is refused"
