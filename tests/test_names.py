"""Names that a person takes for the same are the same."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.names import fold_name

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(max_examples=200)
@given(names)
def test_the_forms_of_a_name_are_one(name):
    key = fold_name(name)
    assert fold_name(key) == key
    assert {fold_name(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")} == {key}
    assert fold_name(name.casefold()) == key


@pytest.mark.parametrize(
    ("one", "other"), [("UPPER", "upper"), ("Caf\u00e9", "cafe\u0301"), ("STRASSE", "straße"), ("ΣΟΦΟΣ", "σοφος")]
)
def test_such_names_are_one(one, other):
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("cafe", "café"), ("a b", "ab"), ("a", "a1")])
def test_such_names_are_two(one, other):
    assert fold_name(one) != fold_name(other)
