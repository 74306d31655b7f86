"""What a query asks for: its words, the names in it, the dates it names, and the text that is worth embedding."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from server.memory.dates.grammar import Span, find_spans
from server.memory.languages import Language
from server.memory.text import hash_term, split_words, stem_words

MOST_TERMS = 100
"""Of a long message, so many different terms are looked for; each costs the engine a look at all memories with it."""

_NAME = re.compile(r"[^\W\d_][\w-]*(?:['’]s\b)?")  # noqa: RUF001 - the typographic apostrophe is meant
_ENDING = re.compile(r"['’]s$")  # noqa: RUF001 - as above


@dataclass(frozen=True)
class Question:
    """A query, taken apart for a workspace's language. Not slotted: its parts are made when they are first needed."""

    text: str
    language: Language = "english"
    #: Stop words beside the language's own.
    extra_stop_words: tuple[str, ...] = ()

    @cached_property
    def shown_words(self) -> list[str]:
        """The distinct words that are looked for, as they were written but for their case, in order."""
        return list(dict.fromkeys(split_words(self.text, self.language, self.extra_stop_words)))[:MOST_TERMS]

    @cached_property
    def terms(self) -> list[str]:
        """The distinct terms that are looked for."""
        return list(dict.fromkeys(stem_words(self.shown_words, self.language)))

    @cached_property
    def term_ids(self) -> list[int]:
        """Their places in a sparse vector, distinct."""
        return list(dict.fromkeys(hash_term(term) for term in self.terms))

    def find_spans(self, now: datetime) -> tuple[Span, ...]:
        """The stretches of time that it names."""
        return find_spans(self.text, now)

    def remove_common_names(self, is_common: Sequence[bool]) -> str:
        """The text without those names in it that many of the workspace's memories share.

        `is_common` says it of each of `term_ids`. Such a name tells memories apart by nothing, and rules a text's
        vector. Names are capitalised words; in a text without capitals any word may be one.
        """
        common = {each for each, many in zip(self.term_ids, is_common, strict=True) if many}
        if not common:
            return self.text
        any_case = self.text == self.text.lower()

        def kept(match: re.Match[str]) -> str:
            word = _ENDING.sub("", match[0])
            if not (any_case or word[0].isupper()):
                return match[0]
            (term,) = stem_words([word.lower()], self.language)
            return "" if hash_term(term) in common else match[0]

        rest = _NAME.sub(kept, self.text)
        return rest if any(map(str.isalnum, rest)) else self.text
