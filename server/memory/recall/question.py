"""The parts of a query: its words, its names, its dates, and the text to embed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from server.memory.dates.grammar import Span, find_spans
from server.memory.languages import Language, get_stop_words
from server.memory.text import hash_term, split_words, stem_words
from server.memory.words.asked import Group, read_question, seems_english
from server.memory.words.folding import fold
from server.memory.words.spelling import CORRECTION_WEIGHT, may_be_misspelt

MOST_TERMS = 100
"""The most terms of a message that are looked for: for each, the engine looks at all memories that have it."""

_NAME = re.compile(r"[^\W\d_][\w-]*(?:['’]s\b)?")  # noqa: RUF001 - the typographic apostrophe is meant
_WORD = re.compile(r"[^\W\d_]+")
#: The signs before the first word of a sentence; a name there cannot be told from another word.
_SENTENCE_ENDS = ".!?:;…\n"
_OPENING_SIGNS = " \t\"'“‘«(["  # noqa: RUF001 - typographic quotation marks are meant
_TOLD = re.compile(
    r"\byou(?:'ve| have| had)? (?:told|tell|said|say|recommend|suggest|mention|advise|propose|explain)"
    r"|\byou(?:'ve| have| had)? (?:gave|give|wrote|write)"
    r"|\b(?:did|have|had|could|would) you (?:tell|say|recommend|suggest|mention|advise|propose|explain|give|write)"
    r"|\byour (?:advice|answer|suggestion|recommendation|proposal|explanation)",
    re.IGNORECASE,
)
#: A name after one of these is a place, a thing or a time, and hardly a person's: "in Oregon", "the Grand Canyon".
_BEFORE_PLACES = frozenset(
    {"in", "to", "from", "at", "near", "of", "on", "via", "into", "during", "since", "until", "by"}
    | {"the", "a", "an", "this", "last", "next", "every", "like", "than"}
    | {"en", "à", "im", "am", "zum", "nach", "aus"}
)
_ENDING = re.compile(r"['’]s$")  # noqa: RUF001 - the curly apostrophe is meant


@dataclass(frozen=True)
class Question:
    """A query in a workspace's language. It has no slots, since its parts are made when they are first needed."""

    text: str
    language: Language = "english"
    #: Stop words beside the language's own.
    extra_stop_words: tuple[str, ...] = ()
    #: Words that are probably misspelt, folded, each with the word of the workspace that it is looked for by as well.
    corrections: tuple[tuple[str, str], ...] = ()

    @cached_property
    def _groups(self) -> list[Group]:
        groups = read_question(self.text, self.language, self.extra_stop_words)
        return [self._correct(group) for group in groups] if self.corrections else groups

    def _correct(self, group: Group) -> Group:
        """Add the word that was meant to a misspelt one. The misspelt one is missed all the same."""
        meant = dict(self.corrections).get(fold(group.shown[0])) if len(group.shown) == 1 else None
        if meant is None:
            return group
        terms = (*group.terms, *stem_words([meant], self.language))
        weights = [1.0] * len(group.terms) + [CORRECTION_WEIGHT] * (len(terms) - len(group.terms))
        return replace(group, terms=terms, words=group.words + 1, weights=tuple(weights))

    def list_doubtful_words(self, is_missing: Sequence[bool]) -> list[str]:
        """Return the words, folded, that a typing error may be in: no memory has them.

        `is_missing` says this for each of `term_ids`.
        """
        missing = {each for each, none in zip(self.term_ids, is_missing, strict=True) if none}
        lacking = (group for group in self._groups if len(group.shown) == 1 and group.words == 1)
        words = [fold(each.shown[0]) for each in lacking if missing.issuperset(map(hash_term, each.terms))]
        return [word for word in words if may_be_misspelt(word)]

    @cached_property
    def shown_words(self) -> list[str]:
        """The distinct words that are looked for, as they were written but in lower case, in order."""
        return list(dict.fromkeys(word for group in self._groups for word in group.shown))[:MOST_TERMS]

    @cached_property
    def terms(self) -> list[str]:
        """The distinct terms that are looked for."""
        return list(dict.fromkeys(term for group in self._groups for term in group.terms))[:MOST_TERMS]

    @cached_property
    def term_ids(self) -> list[int]:
        """The distinct places of the terms in a sparse vector."""
        return list(dict.fromkeys(hash_term(term) for term in self.terms))

    @cached_property
    def is_english(self) -> bool:
        """Whether it seems to be in English, by its stop words. If they do not tell, the workspace's language does."""
        return seems_english(self.text, self.language)

    @cached_property
    def weights(self) -> list[float]:
        """How much each of `term_ids` counts, from 0 to 1."""
        if not any(group.weights for group in self._groups):
            return [1.0] * len(self.term_ids)
        by_id: dict[int, float] = {}
        for group in self._groups:
            for term, weight in zip(group.terms, group.weights or [1.0] * len(group.terms), strict=True):
                by_id[hash_term(term)] = max(by_id.get(hash_term(term), 0.0), weight)
        return [by_id[each] for each in self.term_ids]

    def leave_out_unmissed(self, rarities: Sequence[float], missing: float) -> tuple[list[float], list[float]]:
        """Return the rarities of those terms by which a memory is judged, and how much each of them counts.

        A word may be asked for by several terms. Those that the workspace lacks count only as far as they stand for
        words that it lacks.

        Args:
            rarities: the idf of each of `term_ids`.
            missing: the idf of a term that no memory has.
        """
        by_id = dict(zip(self.term_ids, zip(rarities, self.weights, strict=True), strict=True))
        judged: list[tuple[float, float]] = []
        for group in self._groups:
            known = [by_id.pop(term, None) for term in dict.fromkeys(map(hash_term, group.terms))]
            held = [each for each in known if each is not None and each[0] < missing]
            lacking = [each for each in known if each is not None and each[0] >= missing]
            judged += held + lacking[: max(group.words - len(held), 0)]
        return [each for each, _ in judged], [weight for _, weight in judged]

    def find_spans(self, now: datetime) -> tuple[Span, ...]:
        """Return the stretches of time that the query names."""
        return find_spans(self.text, now)

    @property
    def asks_what_was_told(self) -> bool:
        """Whether it asks for something that the assistant said."""
        return _TOLD.search(self.text) is not None

    def has_unknown_name(self, is_missing: Sequence[bool]) -> bool:
        """Whether the text has a name that no memory of the workspace has.

        `is_missing` says for each of `term_ids` whether no memory has the term. Names are capitalised words in the
        midst of a sentence. In German every noun is one, so there it is unknown which of them are names.
        """
        missing = {each for each, none in zip(self.term_ids, is_missing, strict=True) if none}
        if not missing or self._has_capital_nouns():
            return False
        return any(missing.issuperset(self._find_ids(name)) for name in self._list_names())

    def _has_capital_nouns(self) -> bool:
        words = {word.lower() for word in _NAME.findall(self.text)}
        german, english = get_stop_words("german"), get_stop_words("english")
        return self.language == "german" or len(words & german) > len(words & english)

    def _list_names(self) -> list[str]:
        """Return the capitalised words in the midst of a sentence. A word of capitals alone is an acronym."""
        found = _NAME.finditer(self.text)
        return [_ENDING.sub("", match[0]) for match in found if _is_name(match[0], self.text[: match.start()])]

    def list_known_people(self, rarities: Sequence[float], missing: float) -> list[int]:
        """Return the ids of the terms of people's names that the workspace has, each once.

        Args:
            rarities: the idf of each of `term_ids`.
            missing: the idf of a term that no memory has.
        """
        by_id = dict(zip(self.term_ids, rarities, strict=True))
        known = (each for each in self.list_people() if all(by_id.get(term, missing) < missing for term in each))
        return list(dict.fromkeys(term for each in known for term in each))

    def list_people(self) -> list[list[int]]:
        """Return the terms' ids of each name that may be a person's: capitalised words in the midst of a sentence.

        Several such words in a row are one name. In German every noun is one, so there it is unknown which are names.
        """
        if self._has_capital_nouns():
            return []
        people: list[list[int]] = []
        end, is_person = -1, False
        for match in _NAME.finditer(self.text):
            before = self.text[: match.start()]
            if not _is_name(match[0], before):
                continue
            if self.text[end : match.start()] != " ":
                words = before.split()
                is_person = words[-1].lower() not in _BEFORE_PLACES
                people += [[]] if is_person else []
            end = match.end()
            if is_person:
                people[-1] += self._find_ids(_ENDING.sub("", match[0]))
        return [each for each in people if each]

    def correct_words(self, text: str) -> str:
        """Return a part of the text with the words that were meant in the place of misspelt ones.

        A word with a capital stays as it is: it may be the name of somebody whose name is much like another's.
        """
        meant = dict(self.corrections)
        return _WORD.sub(lambda match: meant.get(fold(match[0]), match[0]) if match[0].islower() else match[0], text)

    def _find_ids(self, name: str) -> list[int]:
        """Return the places of a name's terms in a sparse vector."""
        words = split_words(name, self.language, self.extra_stop_words)
        return [hash_term(term) for term in stem_words(words, self.language)]

    def remove_common_names(self, is_common: Sequence[bool]) -> str:
        """Return the text without the names that many of the workspace's memories share.

        `is_common` says this for each of `term_ids`. Such a name does not distinguish memories, but dominates the
        text's vector. Names are capitalised words; in a text without capitals any word may be a name.
        """
        common = {each for each, many in zip(self.term_ids, is_common, strict=True) if many}
        if not common:
            return self.text
        any_case = self.text == self.text.lower()

        def replace_name(match: re.Match[str]) -> str:
            word = _ENDING.sub("", match[0])
            if not (any_case or word[0].isupper()):
                return match[0]
            (term,) = stem_words([word], self.language)
            return "" if hash_term(term) in common else match[0]

        rest = _NAME.sub(replace_name, self.text)
        return rest if any(map(str.isalnum, rest)) else self.text


def _is_name(word: str, before: str) -> bool:
    """Whether a word is capitalised in the midst of a sentence. A word of capitals alone is an acronym."""
    before = before.rstrip(_OPENING_SIGNS)
    return word[0].isupper() and not word[1:2].isupper() and bool(before) and before[-1] not in _SENTENCE_ENDS
