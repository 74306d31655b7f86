"""People for the tests of the doors: each test has its own on the shared server, and they cannot see each other."""

import pytest

from server.config import Settings
from tests.helpers.clock import Clock
from tests.helpers.site import site_at


@pytest.fixture(scope="session")
async def signup_site(tmp_path_factory):
    """The whole server, where everybody may sign up."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("signup"), embedding_model="none", signup="open")
    async with site_at(settings, Clock()) as site:
        yield site


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
