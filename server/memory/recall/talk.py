# ruff: noqa: RUF001 - Cyrillic and full-width signs are meant
"""Whether two texts are turns of one talk, so that one is found by the other, too.

A session that was inferred holds whatever one connection stored, and agents store facts that have nothing to do with
each other. Those stand on their own: a neighbour would only bring them along where nobody asked for them. Turns of a
talk lean on each other, and show it: somebody says "I" or "you", asks, calls or answers. See docs/recall.md.
"""

import re

# "we" is not among these words: teams say it of their facts. Neither is what means something else in another language.
_ME = (
    r"\b(?:I|(?i:me|mine|my|myself|ich|mich|mir|meine?[mnrs]?|je|j'|moi|mon|mes|yo|mis|conmigo|io|mio|mia|miei|eu|meu"
    r"|minha|ik|mij|mijn|mnie|mój|moja|я|мне|меня|мой|моя|моё))\b|我|私|僕|俺|저는|나는|제가|내가"
)
_YOU = (
    r"(?i:\b(?:you|your|yours|yourself|dich|dir|deine?[mnrs]?|du\s(?:hast|bist|kannst|willst|musst|magst|wirst)|tu|toi"
    r"|vous|votre|vos|tú|usted|ustedes|contigo|tuo|tua|tuoi|você|vocês|teu|jij|jouw|jullie|ciebie|twój|twoja"
    r"|ты|тебя|тебе|твой|твоя|вы|вас|вам|ваш|ваша)\b)|你|您|妳|あなた|君|당신|너는"
)
_CALLS = r"[?？؟！]|\w!(?!\S)"
_REPLIES = (
    r"(?i:\A\W*(?:yes|yeah|yep|no|nope|oh|wow|hey|hi|hello|thanks|thank|sure|ok|okay|cool|great|awesome|haha|absolutely"
    r"|definitely|congrats|ja|nein|danke|oui|non|merci|salut|sí|gracias|hola|sì|grazie|ciao|sim|não|obrigad[oa]|nee"
    r"|bedankt|tak|nie|dzięki|да|нет|спасибо|привет)\b)"
)
_ADDRESSES = re.compile(f"{_YOU}|{_CALLS}|{_REPLIES}")
_SPEAKS = re.compile(_ME)


def are_of_one_talk(text: str, other: str) -> bool:
    """Whether two texts are turns of one talk: both are somebody's speech, and one addresses somebody."""
    addressed = [_ADDRESSES.search(each) is not None for each in (text, other)]
    spoken = (is_addressed or _SPEAKS.search(each) for is_addressed, each in zip(addressed, (text, other), strict=True))
    return any(addressed) and all(spoken)
