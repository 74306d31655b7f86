"""Languages: their stemmers, and their stop words, which say nothing about the subject of a text."""

from collections.abc import Callable
from functools import cache
from typing import Literal

from py_rust_stemmers import SnowballStemmer  # pyright: ignore - it has no types

#: The languages that the stemmer knows.
Language = Literal[
    "arabic",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
]

_ENGLISH = """a about above after again all also am an and any are as at be because been before being below between both
    but by can could did do does doing don down during each few for from further had has have having he her here hers
    him his how i if in into is it its itself just like me more most my myself no nor not now of off on once only or
    other our ours out over own please same she should so some such tell than that the their theirs them then there
    these they this those through to too under until up us very was we were what when where which while who whom why
    will with would you your yours"""
_GERMAN = """aber alle allem allen aller alles als also am an auch auf aus bei bin bis bist da damit dann das dass dein
    deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem
    einen einer eines er es etwas euch euer eure für hab habe haben hat hatte hatten hier hin ich ihm ihn ihnen ihr ihre
    ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes kann kein keine keinem keinen keiner können man
    mein meine meinem meinen meiner mich mir mit muss nach nicht noch nun nur ob oder ohne sehr sein seine seinem
    seinen seiner seit sich sie sind so soll sollte um und uns unser unsere unter vom von vor wann war waren warum was
    wegen weil welche welchem welchen welcher welches wem wen wenn wer werde werden wie wieder will wir wird wo wurde
    wurden zu zum zur über"""
_FRENCH = """ai as au aux avais avait avec avez avons c ce ces cet cette comme d dans de des du elle elles en es est et
    eu eux fut ici il ils j je l la le les leur leurs lui m ma mais me mes moi mon n ne nos notre nous on ont ou où par
    pas pour qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si son sont sous sur t ta te tes toi
    ton tu un une vos votre vous y à été être"""
_SPANISH = """a al algo ante como con cual cuando cuándo de del desde donde dónde e el él ella ellas ellos en entre era
    es esa ese eso esta está estas este esto estos fue ha han has hasta hay la las le les lo los me mi mis mucho muy más
    ni no nos nosotros o os para pero por porque qué que quien quién se ser si sin sobre son soy su sus también te ti
    tiene tu tus un una uno unos y ya yo"""

_NONE: frozenset[str] = frozenset()
_STOP_WORDS = {
    "english": frozenset(_ENGLISH.split()),
    "german": frozenset(_GERMAN.split()),
    "french": frozenset(_FRENCH.split()),
    "spanish": frozenset(_SPANISH.split()),
}


def get_stop_words(language: Language) -> frozenset[str]:
    """Return the stop words of a language; none if we have no list for it."""
    return _STOP_WORDS.get(language, _NONE)


def is_stop_word(word: str) -> bool:
    """Whether a word in lower case is a stop word of any language."""
    return any(word in words for words in _STOP_WORDS.values())


@cache
def get_stemmer(language: Language) -> Callable[[str], str]:
    """Return the function that cuts a lower-case word down to its stem."""
    return SnowballStemmer(language).stem_word  # pyright: ignore - as above
