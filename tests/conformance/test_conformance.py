"""The official suite, as `make conformance` runs it."""

import pytest

from tests.conformance import suite

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def at():
    suite.node()
    with suite.site() as site:
        yield site


@pytest.mark.parametrize("revision", suite.REVISIONS)
def test_nothing_fails_in_a_revision_but_what_its_baseline_names(at, revision):
    assert suite.server_scenarios(at, revision) == 0


def test_the_authorization_server_passes_every_scenario(at):
    assert suite.authorization_scenarios(at) == 0
