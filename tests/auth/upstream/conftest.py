"""One provider of logins, and browsers on servers that use it."""

from datetime import timedelta

import pytest

from auth.upstream.provider import AllowList
from auth.upstream.upstream import Upstream
from tests.helpers.logins.fake_issuer import open_fake_web
from tests.helpers.logins.fake_provider import OIDC, FakeProvider


@pytest.fixture
def provider(clock):
    return FakeProvider(clock)


@pytest.fixture(autouse=True)
def web(provider):
    with open_fake_web() as router:
        provider.answer(router)
        yield router


@pytest.fixture
async def open_browser(make_server, clock, make_browser):
    """A function that makes browsers on a server with these providers."""
    made = []

    def make(*providers, allow_list=None, signup="open", login="both", seconds=5):
        upstream = Upstream(
            providers or [OIDC],
            allow_list or AllowList(),
            public_url="http://127.0.0.1:8080",
            algorithms=frozenset({"ES256"}),
            leeway=timedelta(seconds=60),
            now=clock,
            ca_file=None,
            seconds=seconds,
        )
        made.append(upstream)
        return make_browser(server=make_server(upstream=upstream, login=login, signup=signup))

    yield make
    for each in made:
        await each.close()
