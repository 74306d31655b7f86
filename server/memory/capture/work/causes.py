"""The causes of errors, as an agent states them in its reply."""

import re

from server.memory.capture.statements.finding import tidy_sentence
from server.memory.capture.turns import Turn
from server.memory.capture.work.failures import has_failed

_STATED = re.compile(
    r"\b(?:root )?(?:cause|culprit|reason)(?: of [\w\s-]{2,60}| for [\w\s-]{2,60})? (?:is|was|were|turned out)\b|"
    r"\b(?:was|were|is|are) caused by\b|\bthe (?:problem|issue|bug|error|failure|crash) (?:is|was|came|comes|"
    r"turned out)\b|"
    r"\bthat(?: i|')s why\b|\bturned out (?:that|to be)\b|"
    r"\b(?:ursache|grund|problem) (?:ist|war)\b|\b(?:la cause|le problème) (?:est|était|vient)\b|"
    r"\b(?:la causa|el problema) (?:es|era|fue)\b",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"\b(?:fail(?:s|ed|ing)?|failure|crash(?:es|ed)?|slow|flaky|broke|broken|errors?|killed|timed? ?out|leaked|hung|"
    r"wrong|missing|"
    r"empty|twice|duplicated?|lost|rejected|refused|denied|could not|couldn't|cannot|can't|did not|didn't|was not|"
    r"wasn't|were not|"
    r"stuck|closed|schlug|fehl\w+|échou\w+|fall\w+)\b",
    re.IGNORECASE,
)
_BECAUSE = re.compile(
    r"\b(?:because|since|due to|as a result of|so they|which made|caused by|weil|parce que|porque|debido a)\b",
    re.IGNORECASE,
)
_GUESS = re.compile(r"\b(?:may|might|maybe|perhaps|probably|possibly|could be|seems?|i think|if)\b|\?$", re.IGNORECASE)
_MOST, _FEWEST_WORDS = 2, 6


def find_causes(turn: Turn) -> list[str]:
    """Return the causes of errors that the reply of a turn states; none if the agent only looked and did no work."""
    if not any(step.call.paths or has_failed(step.call) or step.call.command for step in turn.steps):
        return []
    found: list[tuple[int, str]] = []
    for place, sentence in enumerate(turn.answered):
        if not is_cause(sentence):
            continue
        if found and found[-1][0] == place - 1:
            found[-1] = (place, f"{found[-1][1]} {tidy_sentence(sentence)}")
        else:
            found.append((place, tidy_sentence(sentence)))
    return [text for _, text in found[:_MOST]]


def is_cause(sentence: str) -> bool:
    """Whether a sentence states, and does not guess, why something went wrong."""
    if len(sentence.split()) < _FEWEST_WORDS or _GUESS.search(sentence):
        return False
    stated = _STATED.search(sentence) is not None
    return stated or (_BECAUSE.search(sentence) is not None and _TROUBLE.search(sentence) is not None)
