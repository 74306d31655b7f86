"""The tokens of well-known providers, with the settings that docs/issuers.md gives for each."""

import json
from pathlib import Path

import jwt
import pytest

from server.errors import Failure
from server.store.record.people.accounts import list_users
from server.store.record.people.external_subjects import find_external_subject
from tests.helpers.logins.fake_issuer import FakeIssuer

pytestmark = pytest.mark.anyio

SHAPES = sorted((Path(__file__).parent / "shapes").glob("*.json"))
PAGE = (Path(__file__).parents[3] / "docs" / "issuers.md").read_text()


@pytest.fixture(params=SHAPES, ids=lambda path: path.stem)
def shape(request):
    return json.loads(request.param.read_text())


@pytest.fixture
def provider(shape, clock, web):
    """An issuer that signs as the provider does."""
    provider = FakeIssuer(clock, audience="", url=shape["claims"]["iss"], alg=shape["header"]["alg"])
    provider.answer(web)
    return provider


def sign(provider, shape, **changes):
    """The provider's token; its times count from now."""
    now = int(provider.clock().timestamp())
    times = {name: now + value for name, value in shape["claims"].items() if name in {"exp", "iat", "nbf", "auth_time"}}
    return jwt.encode(
        shape["claims"] | times | changes, provider.key, headers=shape["header"] | {"kid": "first"}, algorithm=None
    )


async def test_a_token_as_the_provider_documents_it_is_taken_for_its_person(make_verifier, provider, shape, db):
    person = shape["person"]
    principal = await make_verifier(**shape["settings"]).verify(sign(provider, shape))
    assert principal.scopes == set(person["scopes"])
    assert principal.client_id == person["client"]
    async with db.read() as connection:
        (user,) = await list_users(connection)
        found = await find_external_subject(connection, provider.url, person["subject"])
    assert found is not None
    assert user.name == person["name"]
    assert found.user_id == principal.user_id == user.id


async def test_a_token_that_the_provider_made_for_another_server_is_refused(make_verifier, provider, shape):
    tokens = make_verifier(**shape["settings"])
    with pytest.raises(Failure, match="`aud`"):
        await tokens.verify(sign(provider, shape, aud="https://graph.example"))


def test_the_page_has_the_settings_that_are_tested(shape):
    for name in shape["settings"]:
        assert f"LOCI_{name.upper()}=" in PAGE
