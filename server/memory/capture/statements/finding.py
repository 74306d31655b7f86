"""The facts that a person states in a message: preferences, decisions, corrections, instructions, names and dates."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from server.memory.capture.models import Kind
from server.memory.capture.statements.judging import judge_sentence

#: Words before what somebody means to say: greetings, thanks, "ok so", "btw", "actually".
_OPENING = re.compile(
    r"(?:(?:hi|hello|hey|moin|hallo|guten morgen|guten tag|bonjour|salut|hola|buenas|good morning|good afternoon|"
    r"morning|thanks|thank you|"
    r"thx|great|nice|perfect|perfekt|parfait|perfecto|cool|awesome|good|super|gut|right|yes|yeah|yep|no|nope|nein|"
    r"non|alright|stop|"
    r"correction|sorry|quick (?:context|note)|context|background|note|nb|important|wichtig|before we start|"
    r"one (?:more )?thing|"
    r"one last thing|p\.?s\.?|fyi|for the record|just so you know|heads up|hint|rule|rules|also|"
    r"after talking (?:with|to) [\w ]{2,30}|"
    r"decision|reminder|other than that|by the way)(?:\s(?:there|all|claude|everyone|"
    r"again))?\s*[,:;!.\u2013\u2014-]+\s*"
    r"|(?:ok(?:ay)?|oh|ah|hm+|well|so|and|but|also|btw|fyi|please|pls|bitte|übrigens|actually|anyway|alright|then|"
    r"plus|et|y|und|aber|"
    r"pero|mais|por favor|s'il te plaît|by the way)(?:\s*[,:;!\u2013\u2014-]+\s*|\s+))",
    re.IGNORECASE,
)
_REMEMBER = re.compile(
    r"(?:please\s+)?(?:remember|keep in mind|bear in mind|don't forget|do not forget|note|take note|make a note|"
    r"for (?:your|future) (?:information|reference)|recuerda|rappelle-toi|souviens-toi|denk(?:e)? daran|"
    r"merk(?:e)? dir)\b"
    r"(?:\s*[,:]\s*|\s+)(?:that\s+|que\s+|dass\s+)?(?!to\b)",
    re.IGNORECASE,
)
_IN_MIND = re.compile(
    r"[,;\s]+(?:so\s|please\s|and\s)*(?:keep|bear) (?:that|this|it) in mind\s*(?=[.!]?$)|"
    r"[,;\s]+(?:please\s)?remember (?:that|this|it)\s*(?=[.!]?$)",
    re.IGNORECASE,
)
#: A part that asks for work or for nothing, after a statement: "..., so remove them".
_PARTS = re.compile(r";\s+(?=\S)")
#: A sentence that begins so is about the one before it.
_POINTING = re.compile(
    r"(?:it|its|it's|that|that's|this|they|their|they're|them|he|she|his|her|these|those|there|same|both|the rest|"
    r"the others|everything else|the latter|"
    r"the former|"
    r"otherwise|because|since then|never|always|don't|do not|exclude|es|sie|er|das (?:ist|war|gilt|heißt|geht)|dies|"
    r"elle|il|ça|cela|ellos|eso|esto)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|that|them|this|those|these|they|he|she|him|her)\b(?!\s(?:is|was|has|the|we|you|i|a|an|our|my)\b)",
    re.IGNORECASE,
)
_OF_THEM = re.compile(r"^(?:we|i|you|they)\b.*\b(?:of|for|with|from|about) (?:them|it)\b", re.IGNORECASE)
#: "This is an app for farmers" points at nothing before it.
_INTRODUCING = re.compile(
    r"it (?:annoys|bothers|irritates|helps|confuses) me\b|(?:it'?s|it is|this is) (?:an? )?.*\b(?:app|project|"
    r"repo\w*|service|site|website|game|library|tool|bot|script|"
    r"plugin|page|shop)\b"
    r"|this (?:project|repo|repository|app|service|site|game|library|tool|bot)\b",
    re.IGNORECASE,
)
_ALONE = re.compile(r"^(?:never|always|don't|do not|exclude)\b", re.IGNORECASE)
#: Words that are written with a capital at the beginning of a sentence; others may be names of programs.
_CAPITAL_WORDS = """the our my we all every each no never always use write keep don't do if when whenever in from this
    these those a an i i'm only both any it that they he she ab wir ich on je nous el la los"""
_CAPITAL = frozenset(_CAPITAL_WORDS.split())
MOST_STATEMENTS = 30


@dataclass(frozen=True, slots=True)
class Statement:
    """A thing that a person said which is worth keeping."""

    text: str
    kind: Kind


def find_statements(sentences: Iterable[str]) -> list[Statement]:
    """Return what is worth keeping of the sentences of a message, in order, at most `MOST_STATEMENTS`."""
    found: list[tuple[int, Statement]] = []
    said = [part for sentence in sentences for part in _split_parts(sentence)]
    for place, sentence in enumerate(said):
        bare = strip_opening(sentence)
        kind = judge_sentence(bare)
        if kind is None:
            continue
        if not _needs_before(bare):
            found.append((place, Statement(tidy_sentence(bare), kind)))
        elif found and found[-1][0] == place - 1:
            before = found.pop()[1]
            found.append((place, Statement(f"{before.text} {tidy_sentence(bare)}", before.kind)))
        elif place and (before := _find_subject(said[place - 1])):
            found.append((place, Statement(f"{before} {tidy_sentence(bare)}", kind)))
        elif _ALONE.match(bare):
            found.append((place, Statement(tidy_sentence(bare), kind)))
    return [statement for _, statement in found[:MOST_STATEMENTS]]


def strip_opening(sentence: str) -> str:
    """Return a sentence without greetings, thanks and other words before what it says."""
    rest = sentence.strip()
    for _ in range(5):
        opening = _OPENING.match(rest)
        if opening is None or not opening.end():
            break
        rest = rest[opening.end() :]
    return rest


def tidy_sentence(sentence: str) -> str:
    """Return a statement as a sentence of its own: without "remember that", with a capital and a full stop."""
    plain = _IN_MIND.sub("", sentence)
    plain = " ".join(_REMEMBER.sub("", plain, count=1).split() if _REMEMBER.match(plain) else plain.split())
    plain = plain.strip(" ,;:-\u2013\u2014")
    first = re.match(r"[^\W\d_]*", plain)
    if first and first[0].lower() in _CAPITAL:
        plain = plain[:1].upper() + plain[1:]
    return plain if plain.endswith((".", "!", "?", "\u2026", "\u3002", '"', ")")) else f"{plain}."


def _split_parts(sentence: str) -> Iterator[str]:
    """Yield the parts of a sentence between semicolons, if each can be read alone."""
    parts = _PARTS.split(sentence)
    if len(parts) > 1 and all(len(part.split()) > 2 and not _POINTING.match(part) for part in parts[1:]):  # noqa: PLR2004
        yield from parts
    else:
        yield sentence


def _needs_before(sentence: str) -> bool:
    """Whether a sentence says "it" or "that" of something that it does not name."""
    if _ALONE.match(sentence):
        return _PRONOUN.search(sentence) is not None
    points = _POINTING.match(sentence) is not None or _OF_THEM.search(sentence) is not None
    return points and not _INTRODUCING.match(sentence)


def _find_subject(sentence: str) -> str | None:
    """Return the sentence before one that points at it, if it tells something."""
    bare = strip_opening(sentence)
    if bare.endswith("?") or len(bare.split()) < 4 or _POINTING.match(bare):  # noqa: PLR2004 - "no." tells nothing
        return None
    return tidy_sentence(bare)
