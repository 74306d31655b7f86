"""The texts of pages and their catalogues: nothing is forgotten, and each translation keeps the values of its text."""

import re
from typing import Any

import pytest

from auth.pages.languages import ENGLISH, LANGUAGES
from auth.texts import say, say_count
from tests.helpers.messages import (
    PACKAGES,
    ROOT,
    TEMPLATE,
    find_bare_texts,
    find_catalogue,
    gather_texts,
    list_codes,
    list_untranslated,
    read_catalogue,
    write_catalogue,
)

HOW = "run `make messages`, and translate the texts that it names in auth/pages/catalogues/de/LC_MESSAGES/loci.po"
#: What a translation keeps of its text: the places of values, and elements with their addresses.
KEPT = re.compile(r"%\(\w+\)s|%%|(?<!%\()\{\w+\}|<[^>]+>")
CODES = list_codes()


def test_each_text_of_a_page_is_in_the_catalogues():
    assert TEMPLATE.read_text() == write_catalogue(gather_texts()), f"texts of pages are new, or gone: {HOW}"


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_has_all_texts_and_no_others_and_translates_each(code):
    texts, catalogue = gather_texts(), read_catalogue(code)
    assert sorted(str(each.id) for each in catalogue) == sorted(str(each.id) for each in texts), HOW
    assert list_untranslated(catalogue) == [], HOW
    assert find_catalogue(code).read_text() == write_catalogue(catalogue), HOW


def list_forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


@pytest.mark.parametrize("code", CODES)
def test_a_translation_keeps_the_values_and_the_elements_of_its_text(code):
    for each in (each for each in read_catalogue(code) if each.id):
        for text, translation in zip(list_forms(each.id), list_forms(each.string), strict=True):
            assert sorted(KEPT.findall(translation)) == sorted(KEPT.findall(text)), text


def test_a_template_has_no_text_that_cannot_be_translated():
    assert list(find_bare_texts()) == [], 'wrap each in {{ _("…") }}, or in {% trans %} … {% endtrans %}'


def test_a_template_looks_up_nothing_but_its_own_texts():
    """A text from elsewhere would be shown as HTML: the filter `translated` is for those."""
    found = [
        f"{path.name}: {call}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("templates/**/*.html")
        for call in re.findall(r'\b(?:_|ngettext)\((?!").*', path.read_text())
    ]
    assert found == []


def test_each_catalogue_is_a_language_of_the_pages():
    assert {ENGLISH.code, *CODES} == set(LANGUAGES)


def test_a_text_is_english_until_a_page_translates_it():
    text = say("%(person)s with %(app)s", person="ann", app=say("the server"))
    assert text == "ann with the server"
    assert LANGUAGES["de"].translate(text) == "ann mit dem Server"
    assert LANGUAGES["de"].translate("An operation said this.") == "An operation said this."
    counted = [say_count("%(number)s memory", "%(number)s memories", number, number=number) for number in (1, 2)]
    assert counted == ["1 memory", "2 memories"]
    assert [LANGUAGES["de"].translate(each) for each in counted] == ["1 Erinnerung", "2 Erinnerungen"]


def test_numbers_are_written_as_the_language_does():
    assert (ENGLISH.write_number(1234567), ENGLISH.write_number(0.25, "+.3f")) == ("1,234,567", "+0.250")
    assert (LANGUAGES["de"].write_number(1234567), LANGUAGES["de"].write_number(0.25, "+.3f")) == (
        "1.234.567",
        "+0,250",
    )
