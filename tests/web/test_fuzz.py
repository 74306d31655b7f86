"""Any JSON for any operation is answered or refused, never an error of ours, and what is answered is JSON."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from auth.principal import Principal, expand
from server.errors import Failure
from tests.web.doors import NOBODY
from tools import catalog, recall
from tools.operation import Door, run

pytestmark = pytest.mark.anyio

EXAMPLES = 60
OPERATIONS = (*catalog.OPERATIONS, *recall.LINK_OPERATIONS)

texts = st.text(st.characters(exclude_categories=()), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
#: What a field may well take, so that more than the first check is reached.
plausible = st.sampled_from(
    [
        "x",
        "default",
        NOBODY,
        "2026-01-02",
        "2099-12-31T23:59:59+14:00",
        "global",
        "task",
        "a,b",
        "memory:read",
        5,
        0.5,
        True,
        ["a", "b"],
        ["memories"],
        ["memory:read"],
        {"k": [1, None]},
        [{"content": "y"}],
        [{"type": "file", "path": "a.md"}],
        [{"type": "memory", "id": NOBODY}],
    ]
)


def names_of(model):
    """Every name that a model's fields go by."""
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        yield from [name] if alias is None else [str(each) for each in alias.choices]


@pytest.fixture
def door(cat):
    scopes = expand(["memory:write"])
    return Door(Principal(cat.user_id, cat.account_id, scopes, "api_key", NOBODY), request_id="fuzz")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_any_json_is_answered_or_refused(shared, door, operation, data):
    names = sorted(names_of(operation.args))
    known = st.sampled_from(names) if names else texts
    raw = data.draw(st.dictionaries(known, plausible | anything, max_size=5) | st.dictionaries(texts, anything))
    if data.draw(st.booleans()):
        raw |= {name: "x" for name, field in operation.args.model_fields.items() if field.is_required()}
    as_text = Door(
        door.principal, door.request_id, workspace=data.draw(st.none() | texts), as_text=data.draw(st.booleans())
    )
    try:
        answer = await run(operation, shared.services, as_text, raw)
    except Failure as failure:
        assert failure.status < 500
        assert "Input should" not in failure.message
        json.dumps(failure.body(), allow_nan=False).encode()
    else:
        shown = answer.model_dump(mode="json")
        json.dumps(shown, allow_nan=False, ensure_ascii=False).encode()
        try:
            operation.returns.model_validate(shown)
        except ValidationError as error:
            raise AssertionError(f"the answer does not fit its own model: {error}") from error
