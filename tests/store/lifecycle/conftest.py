"""The look for erased words in every file of a server's data folder."""

import pytest

from server.background.upkeep import remove_leftovers, vacuum_projection
from tests.helpers.erasures import WORD, find_files_with


@pytest.fixture
def check_nowhere(site, settings):
    """Clean up as the loop does, and check that the words are in no file."""

    async def check(text=WORD):
        await remove_leftovers(site.services)
        await vacuum_projection(site.services)
        assert find_files_with(settings.data_dir, text) == []

    return check
