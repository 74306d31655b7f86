"""The operators of a search: `"a phrase"`, `-without`, `OR`, and a field such as `type:decision`.

Somebody who looks for something in particular writes them, as on the web. A message that a person says to an agent is
never read for operators (decision 20). No text is an error: what is not plainly an operator is a word.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.memory.languages import Language
from server.memory.text import stem_words
from server.memory.words.pieces import has_unspaced

MOST_ALTERNATIVES = 8
"""Each alternative of a query is a search of its own; the words of further ones belong to the last."""

MOST_CONDITIONS = 50
"""Each condition of an alternative is looked for in every candidate; what is beyond these is words."""

#: The filter that each field stands for. `kind` is claude-mem's word for a type.
_FIELDS: Mapping[str, str] = {
    **{name: name for name in ("type", "scope", "project", "entity", "author", "session")},
    "kind": "type",
    "tag": "tags",
    "tags": "tags",
}
_SCOPES = frozenset({"global", "project", "task"})
_QUOTED = "|".join(f"{a}[^{a}{b}]*{b}" for a, b in ('""', "“”", "„“", "„”", "«»", "「」", "『』"))
_TOKEN = re.compile(rf"(?P<minus>-?)(?:(?P<field>[A-Za-z]+):)?(?P<quoted>{_QUOTED})|(?P<word>\S+)")
_FIELD = re.compile(r"(?P<field>[A-Za-z]+):(?P<value>.+)", re.DOTALL)
_PIECE = re.compile(r"[^\W_]+")


class SearchedMemory(Protocol):
    """The fields of a memory that operators speak of."""

    content: str
    type: str
    tags: list[str]
    scope: str
    project: str | None
    entity: str | None
    author: str | None
    session: str | None


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field, by the name of its filter, and a value that it has to have."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the alternatives that `OR` divides a query into.

    `text` has the words to look for, those of the phrases too; it is "" if there are none.
    """

    text: str = ""
    phrases: tuple[str, ...] = ()
    fields: tuple[FieldValue, ...] = ()
    without: tuple[str, ...] = ()
    without_fields: tuple[FieldValue, ...] = ()

    @property
    def has_conditions(self) -> bool:
        """Whether a memory has to fulfil more than to fit the words."""
        return bool(self.phrases or self.fields or self.without or self.without_fields)

    def list_values(self, field: str) -> list[str]:
        """Return the values of which a field has to have one; none if it may have any."""
        return [each.value for each in self.fields if each.field == field]

    def admits(self, memory: SearchedMemory, language: Language) -> bool:
        """Whether a memory fulfils the conditions.

        A phrase stands in its content, word for word; a word to be left out stands there in no form.
        """
        pieces = _split(memory.content) if self.phrases or self.without else []
        text = " ".join(pieces)
        return (
            all(_is_within(memory, each.field, self.list_values(each.field)) for each in self.fields)
            and not any(_has_value(memory, each.field, [each.value]) for each in self.without_fields)
            and all(_contains(text, _split(phrase), phrase) for phrase in self.phrases)
            and not self._has_unwanted(pieces, language)
        )

    def _has_unwanted(self, pieces: Sequence[str], language: Language) -> bool:
        stems = " ".join(stem_words(pieces, language)) if self.without else ""
        return any(_contains(stems, stem_words(_split(each), language), each) for each in self.without)


def read_operators(query: str) -> tuple[Alternative, ...] | None:
    """Return the alternatives of a query; None if it has no operators, so that it is looked for as it is."""
    parts: list[_Part] = [_Part()]
    tokens = list(_TOKEN.finditer(query))
    for place, token in enumerate(tokens):
        if token["word"] == "OR" and parts[-1].is_filled and place + 1 < len(tokens):
            if len(parts) < MOST_ALTERNATIVES:
                parts.append(_Part())
        else:
            parts[-1].take(token)
    if len(parts) == 1 and not parts[0].has_operators:
        return None
    return tuple(each.build() for each in parts)


class _Part:
    """An alternative that is being read."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._phrases: list[str] = []
        self._without: list[str] = []
        self._fields: list[FieldValue] = []
        self._without_fields: list[FieldValue] = []
        self.is_filled = False

    @property
    def has_operators(self) -> bool:
        return self._count_conditions() > 0

    def _count_conditions(self) -> int:
        return len(self._phrases) + len(self._without) + len(self._fields) + len(self._without_fields)

    def take(self, token: re.Match[str]) -> None:
        """Read one word, or one phrase, with the signs before it."""
        self.is_filled = True
        if self._count_conditions() == MOST_CONDITIONS:
            self._words.append(token[0])
            return
        if token["quoted"] is None:
            self._take_word(token["word"])
            return
        value, field = token["quoted"][1:-1], token["field"]
        if field is None and _split(value):
            self._take_phrase(value, is_unwanted=bool(token["minus"]))
        elif field is None or not self._take_field(field, value, is_unwanted=bool(token["minus"])):
            self._words.append(token[0])

    def _take_word(self, word: str) -> None:
        is_unwanted = word[0] == "-" and word[1:2].isalpha()
        rest = word[1:] if is_unwanted else word
        named = _FIELD.fullmatch(rest)
        if named and self._take_field(named["field"], named["value"].rstrip(",;"), is_unwanted=is_unwanted):
            return
        if is_unwanted:
            self._without.append(rest)
        else:
            self._words.append(word)

    def _take_phrase(self, phrase: str, *, is_unwanted: bool) -> None:
        if is_unwanted:
            self._without.append(phrase)
        else:
            self._phrases.append(phrase)
            self._words.append(phrase)

    def _take_field(self, name: str, value: str, *, is_unwanted: bool) -> bool:
        """Take a field with its value; return False if there is no such field, or no such value."""
        field, value = _FIELDS.get(name.lower()), value.strip()
        if field is None or not value or (field == "scope" and value not in _SCOPES):
            return False
        (self._without_fields if is_unwanted else self._fields).append(FieldValue(field, value))
        return True

    def build(self) -> Alternative:
        """Return what was read."""
        return Alternative(
            " ".join(self._words),
            tuple(self._phrases),
            tuple(self._fields),
            tuple(self._without),
            tuple(self._without_fields),
        )


def _is_within(memory: SearchedMemory, field: str, values: Collection[str]) -> bool:
    """Whether a memory passes the filter for one of the values: in a project, global memories hold as well."""
    return _has_value(memory, field, values) or (field == "project" and memory.scope == "global")


def _has_value(memory: SearchedMemory, field: str, values: Collection[str]) -> bool:
    if field == "tags":
        return not {each.lower() for each in values}.isdisjoint(each.lower() for each in memory.tags)
    return getattr(memory, field) in values


def _split(text: str) -> list[str]:
    """Return the words of a text, without what distinguishes only their writing: case, accents, wide letters."""
    if text.isascii():
        return _PIECE.findall(text.lower())
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(sign for sign in plain if unicodedata.category(sign) != "Mn")
    return _PIECE.findall(unicodedata.normalize("NFC", bare))


def _contains(text: str, wanted: Sequence[str], written: str) -> bool:
    """Whether words follow one another in a text. In a script without spaces they may be parts of longer ones."""
    if wanted and has_unspaced(written):
        return "".join(wanted) in text.replace(" ", "")
    return f" {' '.join(wanted)} " in f" {text} "
