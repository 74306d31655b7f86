"""The languages of pages: which one a browser gets, its texts, and how it writes dates and numbers.

English is in the templates. Each other language has a catalogue, `catalogues/CODE/LC_MESSAGES/loci.po`, which is read
when somebody first wants it. `make messages` brings new texts into the catalogues.
"""

import gettext
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import polib
from starlette.requests import Request

from auth.texts import Text

CATALOGUES = Path(__file__).parent / "catalogues"
COOKIE = "loci-language"
#: The most languages of a header that are looked at.
_MOST = 20


@dataclass(frozen=True, slots=True)
class Language:
    """A language of pages.

    Attributes:
        code: its tag for HTML.
        name: its name in itself.
        date: how it writes a date, for `strftime`.
        signs: the signs for `,` and `.` in a number.
    """

    code: str
    name: str
    date: str
    signs: tuple[str, str]

    def write_date(self, time: datetime) -> str:
        """Return the day of a time."""
        return time.strftime(self.date)

    def write_moment(self, time: datetime) -> str:
        """Return the day and the minute of a time in UTC."""
        return time.strftime(f"{self.date} %H:%M UTC")

    def write_number(self, number: float, form: str = ",") -> str:
        """Return a number in a form of `format`."""
        group, point = self.signs
        return format(number, form).translate({ord(","): group, ord("."): point})

    def translate(self, text: str) -> str:
        """Return a text of a page in this language. A text that is in no catalogue stays as it is."""
        texts = load_texts(self.code)
        if isinstance(text, Text):
            return text.translate_with(texts.gettext, texts.ngettext)
        return texts.gettext(text) if text else text

    def is_foreign(self, text: str) -> bool:
        """Whether a text stays English on a page of this language: a message of an operation."""
        return bool(text) and self.code != ENGLISH.code and str(self.translate(text)) == str(text)


ENGLISH = Language("en", "English", "%Y-%m-%d", (",", "."))
LANGUAGES = {each.code: each for each in (ENGLISH, Language("de", "Deutsch", "%d.%m.%Y", (".", ",")))}


@cache
def load_texts(code: str) -> gettext.NullTranslations:
    """Return the texts of a language. English is what is asked for."""
    if code == ENGLISH.code:
        return gettext.NullTranslations()
    catalogue = cast("Any", polib).pofile(str(CATALOGUES / code / "LC_MESSAGES" / "loci.po"))  # it has no types
    return gettext.GNUTranslations(io.BytesIO(catalogue.to_binary()))


def choose_language(request: Request) -> Language:
    """Return the language that the person chose, else the one that the browser likes most, else English."""
    wanted = (request.cookies.get(COOKIE, ""), *_list_accepted(request.headers.get("accept-language", "")))
    return next((LANGUAGES[code] for code in wanted if code in LANGUAGES), ENGLISH)


def _list_accepted(header: str) -> Iterator[str]:
    """Yield the languages of an `Accept-Language`, the most wanted first, without their countries."""
    weighed = [_read_weight(part) for part in header.split(",")[:_MOST]]
    for code, weight in sorted(weighed, key=lambda each: each[1], reverse=True):
        if weight > 0:
            yield code


def _read_weight(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";")
    code = tag.strip().partition("-")[0].lower()
    try:
        return code, float(weight.partition("=")[2]) if weight.strip() else 1.0
    except ValueError:
        return code, 0.0
