"""Tokens of one issuer, which need no network: respx answers for the issuer."""

import pytest
import structlog

from auth.issuers.external_tokens import ExternalTokens
from server.config import Settings
from server.wiring.auth import make_rules
from tests.helpers.logins.fake_issuer import URL, FakeIssuer, open_fake_web

PUBLIC_URL = "http://127.0.0.1:8080"


@pytest.fixture
def issuer(clock):
    return FakeIssuer(clock, audience=f"{PUBLIC_URL}/mcp")


@pytest.fixture
def issuer_settings():
    """The settings of the issuers, which tests change."""
    return {"auth_issuer": URL}


@pytest.fixture
async def make_verifier(db, clock, issuer_settings):
    """A function that makes verifiers of tokens with more settings."""
    made = []

    def make(**settings):
        rules = make_rules(Settings.model_validate({"public_url": PUBLIC_URL} | issuer_settings | settings))
        made.append(ExternalTokens(rules, db, clock, None))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def tokens(make_verifier):
    return make_verifier()


@pytest.fixture(autouse=True)
def web(issuer):
    """The only network that there is: the issuer's documents."""
    with open_fake_web() as router:
        issuer.answer(router)
        yield router


@pytest.fixture
def log_lines():
    with structlog.testing.capture_logs() as lines:
        yield lines
