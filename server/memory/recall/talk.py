# ruff: noqa: RUF001 - Cyrillic and full-width signs are meant
"""Whether two texts are turns of one talk, so that one is found by the other, too.

A session that was inferred holds everything that one connection stored, and agents store facts that have nothing to do
with each other. Those stand on their own: a neighbour would only bring them along where nobody asked for them. Turns of
a talk lean on each other, and show it: somebody says "I" or "you", asks, calls or answers. See docs/recall.md.
"""

import re
from functools import lru_cache

from server.memory.words.lower_words import collect_words, read_word_list

# "we" is not among these words: teams say it of their facts. Neither is what means something else in another language.
_ME = read_word_list(
    """
    me mine my myself ich mich mir mein meine meinem meinen meiner meines je moi mon mes yo mis conmigo
    io mio mia miei eu meu minha ik mij mijn mnie mój moja я мне меня мой моя моё
    """
)
_ELIDED_ME = re.compile(r"\bI\b|\b[jJ]'\b")  # a small "i" is mostly a letter of a list
_YOU = read_word_list(
    """
    you your yours yourself dich dir dein deine deinem deinen deiner deines tu toi vous votre vos tú
    usted ustedes contigo tuo tua tuoi você vocês teu jij jouw jullie ciebie twój twoja ты тебя тебе
    твой твоя вы вас вам ваш ваша
    """
)
_GERMAN_YOU = re.compile(r"\bdu\s(?:hast|bist|kannst|willst|musst|magst|wirst)\b", re.IGNORECASE)  # French: of the
_CALL = re.compile(r"\w!(?!\S)")
_REPLY = re.compile(
    r"\W*(?:yes|yeah|yep|no|nope|oh|wow|hey|hi|hello|thanks|thank|sure|ok|okay|cool|great|awesome|haha|absolutely"
    r"|definitely|congrats|ja|nein|danke|oui|non|merci|salut|sí|gracias|hola|sì|grazie|ciao|sim|não|obrigad[oa]|nee"
    r"|bedankt|tak|nie|dzięki|да|нет|спасибо|привет)\b",
    re.IGNORECASE,
)
_UNSPACED_ME = re.compile("我|私|僕|俺|저는|나는|제가|내가")
_UNSPACED_YOU = re.compile("你|您|妳|あなた|君|당신|너는|[？؟！]")


def are_of_one_talk(text: str, other: str) -> bool:
    """Whether two texts are turns of one talk: both are somebody's speech, and one addresses somebody."""
    addressed = (_addresses_somebody(text), _addresses_somebody(other))
    if not any(addressed):
        return False
    return all(is_addressed or _speaks(each) for is_addressed, each in zip(addressed, (text, other), strict=True))


@lru_cache(maxsize=512)  # a turn is looked at with those before it and those after it
def _addresses_somebody(text: str) -> bool:
    """Whether somebody says "you" in a text, asks, calls or answers."""
    words = collect_words(text)
    return (
        not _YOU.isdisjoint(words)
        or "?" in text
        or ("!" in text and _CALL.search(text) is not None)
        or ("du" in words and _GERMAN_YOU.search(text) is not None)
        or _REPLY.match(text) is not None
        or (not text.isascii() and _UNSPACED_YOU.search(text) is not None)
    )


def _speaks(text: str) -> bool:
    """Whether somebody says "I" in a text."""
    words = collect_words(text)
    return (
        not _ME.isdisjoint(words)
        or (not words.isdisjoint("ij") and _ELIDED_ME.search(text) is not None)
        or (not text.isascii() and _UNSPACED_ME.search(text) is not None)
    )
