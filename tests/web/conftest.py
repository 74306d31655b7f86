"""People for the tests of the doors: each test has its own on the shared server, and they cannot see each other."""

import pytest

from server.config import Settings
from tests.helpers.clock import Clock
from tests.helpers.site import open_site


@pytest.fixture(scope="session")
async def signup_site(tmp_path_factory):
    """The whole server, where everybody may sign up."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("signup"), embedding_model="none", signup="open")
    async with open_site(settings, Clock()) as site:
        yield site


@pytest.fixture
async def cat(make_person):
    """Somebody new."""
    return await make_person()


@pytest.fixture
async def admin(make_person):
    """Somebody new whose key may do everything."""
    return await make_person(scopes=("memory:write", "admin"), is_admin=True)


@pytest.fixture
async def dan(make_person):
    """Somebody else."""
    return await make_person()
