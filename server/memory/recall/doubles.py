"""Which of two texts with nearly the same words are two records, and which say the same.

Reports, hosts and invoices are written by one pattern: they share nearly all of their words, and the few that differ
are what matters. So two texts say the same only if they have the same *particulars* in the same order: numbers, names,
identifiers, values, quoted words, symbols, days, and words that say no or limit. Any other word may be a name as well:
people write "alice" without a capital. So two texts of one pattern are also two records if each has a word of its own,
and two texts are two records if their words have another order: "alice beat bob" and "bob beat alice".
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.memory.languages import is_stop_word
from server.memory.text import stem_words
from server.memory.words.folding import compose
from server.memory.words.pieces import has_unspaced

ALIKE = 0.9
"""Two texts that share at least this part of their words (Jaccard) are alike: copies, or records of one pattern."""
#: Signs that only end or enclose words. Signs that change a number (`-5`, `<5`, `5%`) stay.
_EDGES = ".,;:!?…\"'“”‘’«»„()[]{}*_`|"  # noqa: RUF001 - the curly quotes are meant
_QUOTES = "\"'`“‘«„"  # noqa: RUF001 - as above
_JOINTS = frozenset("-_.:/\\@#=+~&%")
#: "one", "un" and the like are articles or pronouns as well; they distinguish nothing.
_NUMBERS = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half twice
    first second third fourth fifth sixth seventh eighth ninth tenth last
    zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig hundert tausend erste zweite dritte vierte
    deux trois quatre cinq sept huit neuf dix onze douze vingt trente cent mille
    dos tres cuatro cinco seis siete ocho nueve diez once doce veinte treinta cien mil"""
_DAYS = """january february march april may june july august september october november december
    jan feb mar apr jun jul aug sept sep oct nov dec
    monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays
    sundays mon tue wed thu fri sat sun yesterday today tomorrow morning noon afternoon evening night midnight
    januar februar märz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag
    gestern heute morgen
    janvier février mars avril juin juillet août septembre octobre novembre décembre lundi mardi mercredi jeudi vendredi
    samedi dimanche hier demain
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes miércoles
    jueves viernes sábado domingo ayer hoy mañana"""
_OPPOSITES = """not no never none nothing nobody neither nor cannot without yes true false on off up down before after
    failed succeeded passed more less fewer most least only almost nearly barely hardly rarely seldom unless until
    except
    nicht kein keine keinen keinem keiner nie niemals nichts ohne ja nein vor nach mehr weniger nur kaum selten
    pas jamais rien sans oui non avant après plus moins seulement presque rarement
    nunca nada sin sí antes después más menos solo casi"""
_TELLING = frozenset(f"{_NUMBERS} {_DAYS} {_OPPOSITES}".split())
#: Words that may come, go and move without another meaning: articles, and words that only stress. "a" may be a name.
_ARTICLES = """the an der das dem den des ein eine einem einen einer eines
    le la les un une el los las una unos unas"""
_STRESSES = """very really quite just also so well please simply actually basically indeed sehr wirklich auch doch
    très vraiment aussi muy realmente también"""
_FILLERS = frozenset(f"{_ARTICLES} {_STRESSES}".split())


@dataclass(frozen=True, slots=True)
class Particulars:
    """The words of a text, in lower case and in order, and those of them that tell it from a text by the same pattern.

    `certain` are the words that are particulars in any text, in their order. `names` are the words that are particulars
    because of how this text writes them: with a capital, in quotes, or as a value.
    """

    words: tuple[str, ...]
    certain: tuple[str, ...]
    names: frozenset[str]


def read_particulars(text: str) -> Particulars:
    """Return the particulars of a text."""
    words: list[str] = []
    certain: list[str] = []
    names: set[str] = set()
    follows_colon = False
    starts_sentence = True
    for raw in compose(text).split():
        written = raw.strip(_EDGES)
        if not written:
            continue
        word = written.casefold()
        words.append(word)
        if _is_telling(word):
            certain.append(word)
        elif follows_colon or raw[0] in _QUOTES or _is_name(written, word, starts_sentence=starts_sentence):
            names.add(word)
        follows_colon = raw[-1] in ":="
        starts_sentence = raw[-1] in ".!?…"
    return Particulars(tuple(words), tuple(certain), frozenset(names))


def are_doubles(one: Particulars, other: Particulars) -> bool:
    """Whether two texts say the same: the same particulars and words in the same order, and no word in another's place.

    Texts that share fewer of their words are not of one pattern. There another word is only another wording.
    """
    if one.certain != other.certain:
        return False
    if one.words == other.words:
        return True
    names = one.names | other.names
    if _keep(one.words, names) != _keep(other.words, names):
        return False
    words, others = _stem(one.words), _stem(other.words)
    if are_alike(frozenset(one.words), frozenset(other.words)) and _have_own_words(words, others):
        return False
    return _have_same_order(words, others)


def list_words(text: str) -> frozenset[str]:
    """Return the words of a text, by which `are_alike` compares texts: in lower case, without signs at their ends."""
    return frozenset(raw.strip(_EDGES) for raw in compose(text).casefold().split())


def are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two texts with these words share nearly all of them."""
    shared = len(one & other)
    return shared >= ALIKE * (len(one) + len(other) - shared)


def _stem(words: Iterable[str]) -> list[str]:
    """Return the stems of those words that are no fillers, in their order."""
    return stem_words(word for word in words if word not in _FILLERS)


def _have_own_words(words: Iterable[str], others: Iterable[str]) -> bool:
    """Whether each of two texts has a word more often than the other."""
    counts, other_counts = Counter(words), Counter(others)
    return bool(counts - other_counts and other_counts - counts)


def _have_same_order(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether the words that two texts share come in the same order. One text may have some of them more often."""
    shared = frozenset(words) & frozenset(others)
    shorter, longer = sorted((_keep(words, shared), _keep(others, shared)), key=len)
    rest = iter(longer)
    return all(word in rest for word in shorter)


def _keep(words: Iterable[str], kept: frozenset[str]) -> list[str]:
    return [word for word in words if word in kept]


def _is_name(written: str, word: str, *, starts_sentence: bool) -> bool:
    """Whether a word is written as a name: with a capital."""
    if written == word:
        return False
    if len(word) == 1:  # "rack A", "plan C": letters that are articles and pronouns as well
        return word != "i" and not starts_sentence
    return not is_stop_word(word)


def _is_telling(word: str) -> bool:
    """Whether a word in lower case is a particular in any text."""
    if word.isascii() and word.isalpha():
        return word in _TELLING
    return (
        word in _TELLING
        or any(sign.isnumeric() or sign in _JOINTS or unicodedata.category(sign)[0] == "S" for sign in word)
        or word.endswith(("n't", "n’t"))  # noqa: RUF001 - the curly apostrophe is meant
        or has_unspaced(word)
    )
