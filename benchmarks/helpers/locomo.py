"""Conversations in LoCoMo's form: what was said, turn by turn, and what is asked about it.

A file is a JSON list of samples. A sample has a `conversation` (`session_1`, `session_2` …, each a list of turns with
`speaker`, `dia_id`, `text` and perhaps `blip_caption`, the caption of a picture; `session_1_date_time` …), a list `qa`
(`question`, `category` 1 to 5, `evidence`: the `dia_id`s of the turns that answer it) and perhaps a `sample_id`.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NAME = "locomo-dev.json"
NEIGHBOUR = Path(__file__).resolve().parents[3] / "shared" / "data"

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}

# The published files also write `D8:6; D9:17`, `D30:05` and `D:11:26`.
_TURN = re.compile(r"D:?(\d+):(\d+)")


@dataclass(frozen=True)
class Turn:
    """One turn of a dialogue."""

    author: str
    session: str
    at: datetime
    text: str


@dataclass(frozen=True)
class Question:
    """A question, its place in the sample's `qa`, and the places of the turns that answer it, in order."""

    number: int
    text: str
    category: int
    evidence: tuple[int, ...]


@dataclass(frozen=True)
class Conversation:
    """A sample: every turn in the order in which it was said, and the questions whose evidence is among them."""

    name: str
    turns: list[Turn]
    questions: list[Question]


def find_file() -> Path:
    """Return the file or folder that LOCI_BENCH_DATA names. The project has no data of its own."""
    named = Path(os.environ.get("LOCI_BENCH_DATA") or NEIGHBOUR)
    return named / NAME if named.is_dir() else named


def read_conversations(path: Path) -> list[Conversation]:
    """Return the conversations of a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not in LoCoMo's form.
    """
    try:
        samples: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        conversations = [_read_conversation(sample, number) for number, sample in enumerate(samples)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not in LoCoMo's form: {error!r}") from error
    if not conversations or len({each.name for each in conversations}) != len(conversations):
        raise ValueError(f"{path} has no conversation, or two of the same sample_id")
    return conversations


def _read_conversation(sample: dict[str, Any], number: int) -> Conversation:
    places, turns = _read_turns(sample["conversation"])
    if not turns:
        raise ValueError(f"sample {number} has no session_1 with turns")
    questions: list[Question] = []
    for place, each in enumerate(sample["qa"]):
        named = _TURN.findall(" ".join(each.get("evidence") or ()))
        evidence = {places[key] for session, turn in named if (key := (int(session), int(turn))) in places}
        if evidence:
            questions.append(Question(place, each["question"], each["category"], tuple(sorted(evidence))))
    return Conversation(str(sample.get("sample_id", number)), turns, questions)


def _read_turns(conversation: dict[str, Any]) -> tuple[dict[tuple[int, int], int], list[Turn]]:
    """Return every turn, and the place of each `dia_id` among them. A shared picture speaks through its caption."""
    sessions = sorted(
        (int(found[1]), turns)
        for name, turns in conversation.items()
        if (found := re.fullmatch(r"session_(\d+)", name)) and turns
    )
    places: dict[tuple[int, int], int] = {}
    said: list[Turn] = []
    for number, turns in sessions:
        at = datetime.strptime(conversation[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for turn in turns:
            named = _TURN.fullmatch(turn["dia_id"])
            if named is None:
                raise ValueError(f"a turn's dia_id is {turn['dia_id']!r}, which is not of the form D1:2")
            places[int(named[1]), int(named[2])] = len(said)
            caption = f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            said.append(Turn(turn["speaker"], f"session {number}", at, turn["text"] + caption))
    return places, said


def pick_evenly(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """Return at most so many of the questions, evenly spread, because a sample lists them by category."""
    if limit is None or limit >= len(questions):
        return list(questions)
    return [questions[step * len(questions) // limit] for step in range(limit)]
