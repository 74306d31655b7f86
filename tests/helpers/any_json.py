"""Any JSON at all, and the examples that Hypothesis makes of a strategy."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = 60

texts = st.text(st.characters(exclude_categories=()), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


def list_examples(strategy):
    """The examples of Hypothesis, the same every time; run by the caller, because a server lives in its loop."""
    found = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType] - its metaclass hides its type
    )
    @given(strategy)
    def collect(example):
        found.append(example)

    collect()
    return found
