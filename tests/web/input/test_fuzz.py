"""Any JSON for any operation is answered or refused, never an error of ours, and what is answered is JSON."""

import json

import pytest
from hypothesis import strategies as st

from auth.principal import Principal, expand_scopes
from server.errors import Failure
from tests.helpers.any_json import anything, list_examples, texts
from tests.helpers.arguments import NEED_LANGUAGE_MODEL, NOBODY
from tools import catalog
from tools.compat import recall_link
from tools.core.call import Door
from tools.core.execution import execute_operation

pytestmark = pytest.mark.anyio

OPERATIONS = (*catalog.OPERATIONS, *recall_link.OPERATIONS)

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
        yield from [name] if alias is None else [name, str(alias)]


async def attempt(operation, services, door, raw):
    """The answer, or the refusal; anything else is raised, and is a mistake of ours."""
    try:
        return await execute_operation(operation, services, door, raw)
    except Failure as failure:
        return failure


@pytest.fixture
def principal(cat):
    return Principal(cat.user_id, cat.account_id, expand_scopes(["memory:write"]), "api_key", NOBODY)


def draw_arguments(operation):
    """Arguments, and the workspace that the connection names."""
    names = sorted(names_of(operation.args))
    known = st.sampled_from(names) if names else texts
    needed = {name: "x" for name, field in operation.args.model_fields.items() if field.is_required()}
    some = st.dictionaries(known, plausible | anything, max_size=5)
    raw = some | some.map(needed.__or__) | st.dictionaries(texts, anything, max_size=3)
    return st.tuples(raw, st.none() | texts)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_any_json_is_answered_or_refused(shared, principal, operation):
    for raw, workspace in list_examples(draw_arguments(operation)):
        door = Door(principal, "fuzz", workspace=workspace)
        outcome = await attempt(operation, shared.services, door, raw)
        if isinstance(outcome, Failure):
            assert outcome.status < 500 or (operation.name in NEED_LANGUAGE_MODEL and outcome.code == "unavailable"), (
                raw
            )
            assert "Input should" not in outcome.message, raw
            json.dumps(outcome.to_body(), allow_nan=False).encode()
        else:
            shown = outcome.model_dump(mode="json")
            json.dumps(shown, allow_nan=False, ensure_ascii=False).encode()
            operation.returns.model_validate(shown)
