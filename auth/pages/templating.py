"""The templates of pages, in each language."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from auth.pages.languages import LANGUAGES, Language, load_texts

_FOLDER = Path(__file__).parent / "templates"


class Templates:
    """The templates of folders. An earlier folder goes first; all extend those of this package."""

    def __init__(self, *folders: Path) -> None:
        self._folders = (*folders, _FOLDER)
        self._environments: dict[str, Environment] = {}

    def load(self, name: str, language: Language) -> Template:
        """Return a template in a language."""
        if language.code not in self._environments:
            self._environments[language.code] = self._make_environment(language)
        return self._environments[language.code].get_template(name)

    def _make_environment(self, language: Language) -> Environment:
        environment: Any = Environment(
            loader=FileSystemLoader(self._folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        texts = load_texts(language.code)
        # With newstyle, values are escaped, and the text of a catalogue is not: `translated` is for texts of others.
        environment.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)
        environment.policies["ext.i18n.trimmed"] = True
        environment.filters |= {
            "date": language.write_date,
            "moment": language.write_moment,
            "number": language.write_number,
            "translated": language.translate,
        }
        environment.tests["foreign"] = language.is_foreign
        environment.globals |= {"language": language, "languages": list(LANGUAGES.values())}
        return environment
