"""The texts of pages for translators: gathered from the templates and the Python code, and kept in the catalogues.

`make messages` runs this file. It writes `messages.pot`, brings new texts into each catalogue with an empty
translation, takes out those that are gone, and says what lacks a translation.
"""

import io
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from server.connect_commands import list_connect_steps

ROOT = Path(__file__).parents[2]
CATALOGUES = ROOT / "auth" / "pages" / "catalogues"
TEMPLATE = CATALOGUES / "messages.pot"
#: The packages with templates or texts of pages.
PACKAGES = ("auth", "server")
_METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"**/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
#: The functions that mark a text, with their arguments that are texts.
_KEYWORDS: Any = {"_": None, "gettext": None, "ngettext": (1, 2), "say": None, "say_count": (1, 2)}
_HEAD = """# The texts of Loci's pages{language}. `make messages` keeps this file, and people translate.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
{plural}
"""
_PLURAL = '"Language: {code}\\n"\n"Plural-Forms: nplurals={count}; plural={rule};\\n"\n'
#: The attributes that are read out or shown.
_SHOWN = frozenset({"aria-label", "placeholder", "title", "alt"})


def gather_texts() -> Catalog:
    """Return every text of the pages, without translations."""
    found = Catalog()
    for package in PACKAGES:
        for _, _, text, _, _ in extract_from_dir(ROOT / package, _METHODS, _OPTIONS, _KEYWORDS):
            found.add(text)
    for step in list_connect_steps(""):
        found.add(step.hint)
    return found


def list_codes() -> list[str]:
    """Return the languages that have a catalogue."""
    return sorted(path.parents[1].name for path in CATALOGUES.glob("*/LC_MESSAGES/loci.po"))


def find_catalogue(code: str) -> Path:
    """Return the file of a language's catalogue."""
    return CATALOGUES / code / "LC_MESSAGES" / "loci.po"


def read_catalogue(code: str) -> Catalog:
    """Return the catalogue of a language."""
    with find_catalogue(code).open(encoding="utf-8") as file:
        return read_po(file, locale=code)


def write_catalogue(catalogue: Catalog) -> str:
    """Return a catalogue as the text of its file, in the order of its texts, so that two changes seldom meet."""
    body = io.BytesIO()
    write_po(body, catalogue, width=120, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    language, plural = "", ""
    if catalogue.locale is not None:
        language = f" in {catalogue.locale.english_name}"
        plural = _PLURAL.format(code=catalogue.locale, count=catalogue.num_plurals, rule=catalogue.plural_expr)
    return _HEAD.format(language=language, plural=plural) + body.getvalue().decode()


def list_untranslated(catalogue: Catalog) -> list[str]:
    """Return the texts of a catalogue that lack a translation, or one of its forms."""
    return [str(each.id) for each in catalogue if each.id and (each.fuzzy or not _is_whole(each.string))]


def _is_whole(translation: Any) -> bool:
    return bool(translation) and (isinstance(translation, str) or all(translation))


def find_bare_texts() -> Iterator[str]:
    """Yield each text of a template that no catalogue can translate, with the template's name."""
    folders = (folder for package in PACKAGES for folder in (ROOT / package).rglob("templates"))
    for path in sorted(each for folder in folders for each in folder.rglob("*.html")):
        source = path.read_text(encoding="utf-8")
        source = re.sub(r"{%-? ?trans.*?endtrans -?%}|{#.*?#}", "", source, flags=re.DOTALL)
        source = source.replace("{% block width %}wide{% endblock %}", "")
        reader = _TextReader()
        reader.feed(re.sub(r"{{.*?}}|{%.*?%}", "", source, flags=re.DOTALL))
        yield from (f"{path.name}: {text}" for text in (*reader.texts, *_list_chosen_texts(source)))


def _list_chosen_texts(source: str) -> list[str]:
    """Return the texts that an expression writes, or between which it chooses; not those of attributes."""
    first = r'(?<!=")(?<!=){{-? "([^"]*)"'
    other = r'(?<!=")(?<!=){{-? (?:(?!}}).)*? (?:else|or) "([^"]*)"'
    texts = (*re.findall(first, source), *re.findall(other, source))
    return [each for each in texts if _is_text(each) and not each.startswith(" ")]


class _TextReader(HTMLParser):
    """Gathers the texts that a person reads or hears."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        """Gather the attributes of an element."""
        self.texts += [value for name, value in attrs if name in _SHOWN and value and _is_text(value)]

    def handle_data(self, data: str) -> None:
        """Gather a text."""
        self.texts += [line.strip() for line in data.splitlines() if _is_text(line)]


def _is_text(value: str) -> bool:
    return re.search(r"[A-Za-z]{2}", re.sub(r"\bLoci\b", "", value)) is not None


def update_catalogues() -> list[str]:
    """Write all catalogues, and return what lacks a translation, each with its language."""
    texts, missing = gather_texts(), list[str]()
    TEMPLATE.write_text(write_catalogue(texts), encoding="utf-8")
    for code in list_codes():
        catalogue = read_catalogue(code)
        catalogue.update(texts, no_fuzzy_matching=True)
        find_catalogue(code).write_text(write_catalogue(catalogue), encoding="utf-8")
        missing += [f"{code}: {text}" for text in list_untranslated(catalogue)]
    return missing


if __name__ == "__main__":
    untranslated = update_catalogues()
    print(*untranslated or ["Every text has its translations."], sep="\n")  # noqa: T201 - it is a command
    sys.exit(bool(untranslated))
