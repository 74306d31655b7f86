"""One server for all tests of the doors: each makes people of its own on it, who cannot see each other."""

import itertools

import pytest

from server.config import Settings
from tests.helpers.clock import Clock
from tests.helpers.site import site_at

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
async def shared(tmp_path_factory):
    """A server that ranks by keyword; whoever moves its clock needs a `site` instead."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("shared"), embedding_model="none", rate_limit=0)
    async with site_at(settings, Clock()) as site:
        yield site


@pytest.fixture(scope="session")
async def signup_site(tmp_path_factory):
    """The whole server, where everybody may sign up."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("signup"), embedding_model="none", signup="open")
    async with site_at(settings, Clock()) as site:
        yield site


@pytest.fixture
def newcomer(shared):
    """Makes people whom nobody knows yet."""

    async def make(**how):
        return await shared.person(f"person{next(NUMBERS)}", **how)

    return make


@pytest.fixture
async def cat(newcomer):
    """Somebody new."""
    return await newcomer()


@pytest.fixture
async def admin(newcomer):
    """Somebody new whose key may do everything."""
    return await newcomer(scopes=("memory:write", "admin"), is_admin=True)


@pytest.fixture
async def dan(newcomer):
    """Somebody else."""
    return await newcomer()
