"""Names that a person takes for the same are the same."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.accounts.account_names import check_name
from server.errors import Failure
from server.names import clean_name, find_name_fault, fold_name

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


#: Characters that are drawn as nothing or as a blank.
UNSEEN = "\u200b\u202e\u2066\ufeff\u00ad\u2060\u3164\u034f\U000e0041\u00a0\u3000\u2009\u2028\u2800\x7f\x85"


@settings(max_examples=200, deadline=None)
@given(st.text("ab\u0915-.", min_size=1, max_size=9), st.sampled_from(UNSEEN), st.integers(0, 9))
def test_what_cannot_be_seen_is_a_fault_wherever_it_stands_and_is_named(text, unseen, place):
    fault = find_name_fault(text[:place] + unseen + text[place:])
    assert fault is not None
    assert f"U+{ord(unseen):04X}" in fault


@settings(max_examples=300, deadline=None)
@given(names | st.text(f"ab {UNSEEN}\u200c\u200d\ufe0f\u2764\u0915\u094d\u0628.", max_size=12))
def test_a_cleaned_name_has_no_fault_and_a_name_without_fault_stays(name):
    cleaned = clean_name(name)
    assert find_name_fault(cleaned) is None
    assert clean_name(cleaned) == cleaned
    assert cleaned in {name.strip(), ""} or find_name_fault(name.strip()) is not None


@pytest.mark.parametrize(
    "name", ["a b", "Zoë", "ש", "\u0628\u200c\u0628", "क्\u200dष", "👩\u200d💻 team", "❤\ufe0f", "日本", "a.b", "..."]
)
def test_names_of_all_scripts_have_no_fault(name):
    assert find_name_fault(name) is None


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_stands_for_a_folder_is_a_fault(name):
    assert "folder" in (find_name_fault(name) or "")
    assert clean_name(name) == ""


@pytest.mark.parametrize("name", ["a\u3164b", "a\u034fb", "a\ufe0fb", "a\u200db"])
def test_the_name_of_a_new_user_has_nothing_that_cannot_be_seen(name):
    with pytest.raises(Failure, match="invisible character U\\+"):
        check_name(name)
