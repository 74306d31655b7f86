"""The texts of pages that Python writes: English for everybody, and translated where a page shows them.

`say` marks a text for the catalogues (`make messages`), as `_` does in a template.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self


class Text(str):
    """An English text that knows how it was made, so that a page can show it in another language.

    Attributes:
        one: the text before its values came in, for one thing.
        many: the same for several things; None if it does not count.
        values: what came in, by name; `count` chooses between `one` and `many`.
    """

    __slots__ = ("many", "one", "values")

    one: str
    many: str | None
    values: Mapping[str, Any]

    def __new__(cls, one: str, many: str | None, values: Mapping[str, Any]) -> Self:
        """Return the text in English."""
        chosen = one if many is None or values["count"] == 1 else many
        text = super().__new__(cls, chosen % values if values else chosen)
        text.one, text.many, text.values = one, many, values
        return text

    def translate_with(self, gettext: Callable[[str], str], ngettext: Callable[[str, str, int], str]) -> str:
        """Return the text in the language of two functions of gettext."""
        chosen = gettext(self.one) if self.many is None else ngettext(self.one, self.many, self.values["count"])
        if not self.values:
            return chosen
        words = {
            name: value.translate_with(gettext, ngettext) if isinstance(value, Text) else value
            for name, value in self.values.items()
        }
        return chosen % words


def say(text: str, **values: Any) -> Text:
    """Return a text of a page, with `%(name)s` for each value."""
    return Text(text, None, values)


def say_count(one: str, many: str, count: int, **values: Any) -> Text:
    """Return a text of a page that counts, with `%(count)s` for the number."""
    return Text(one, many, {"count": count, **values})
