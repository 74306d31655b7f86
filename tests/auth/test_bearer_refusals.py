"""The challenge of each refusal of a bearer: the error that it names, and the scopes that it asks for."""

import pytest

from auth.bearers.refusals import INVALID_BEARER, MISSING_BEARER, refusal_response
from auth.resources import ProtectedResource
from server.errors import Failure

RESOURCE = ProtectedResource(metadata_url="https://loci.example/meta", audiences=frozenset())


@pytest.mark.parametrize(
    ("failure", "status", "challenge"),
    [
        (Failure("unauthorized", MISSING_BEARER), 401, 'Bearer scope="memory:read memory:write", '),
        (
            Failure("unauthorized", INVALID_BEARER),
            401,
            'Bearer error="invalid_token", scope="memory:read memory:write", ',
        ),
        (
            Failure("insufficient_scope", "Ask for more.", scopes=("memory:write",)),
            403,
            'Bearer error="insufficient_scope", scope="memory:write", ',
        ),
    ],
    ids=["missing", "invalid", "insufficient"],
)
def test_a_challenge_names_an_error_only_if_there_was_a_bearer(failure, status, challenge):
    answer = refusal_response(failure, RESOURCE)
    assert answer.status_code == status
    assert answer.headers["www-authenticate"] == f'{challenge}resource_metadata="{RESOURCE.metadata_url}"'
    assert answer.headers["cache-control"] == "no-store"
