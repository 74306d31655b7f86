"""How quiet recall is: a team's seventy memories, and what comes with each of eighty questions of its daily work.

The memories (`quiet_set.json`) are stored over REST with type, author and date, as an agent stores them. Each question
is asked through three doors at default settings: `retrieve_context`, `search`, and the hook of a prompt, each time in a
new session. Half of the questions are `seen`: constants are chosen on them. The other half is for the check alone.

* right first: of the questions with an answer, those whose first memory is right (of a list by date: is of the list)
* missing: the questions with an answer of which no right memory came; of a list, the share of it that did not come
* falsely answered: of the questions that nothing stored answers, those that get any memory
* irrelevant: memories that have nothing to do with the question, in an answer with memories
* tokens: of the text that a model reads, at four characters each

`--kinds` prints a table by kind of question, `--misses` each question of the seen half that went wrong, `--door` takes
one door alone.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from helpers.client import Client, make_mcp_call
from helpers.common import Figure, Site, has_model, make_temporary_folder, print_figures, screen, show_progress
from rich.table import Table

from server.clock import utc_now

SET = Path(__file__).parent / "quiet_set.json"
CHARACTERS_A_TOKEN = 4
DOORS = ("retrieve_context", "search", "hook")
HALVES = ("seen", "unseen")
#: The targets, of each half: right first and falsely answered in percent, irrelevant memories per answer.
RIGHT_FIRST, FALSELY, IRRELEVANT = 90, 5, 0.8


@dataclass(frozen=True)
class Answered:
    """A question and the keys of the memories that came, best first, with the tokens of their text.

    `briefed` has the memories that the briefing told: a memory is told once in a session, so they do not come again.
    """

    question: Mapping[str, Any]
    keys: Sequence[str]
    tokens: float
    briefed: frozenset[str] = frozenset()

    @property
    def right(self) -> set[str]:
        """The memories that answer the question."""
        return set(self.question["right"])

    @property
    def also(self) -> set[str]:
        """The memories that have to do with the question."""
        return set(self.question.get("also", ()))

    @property
    def is_right_first(self) -> bool:
        """Whether the first memory answers the question; of a list by date, whether it belongs to the list."""
        first = self.right | self.also if self.question["kind"] == "time only" else self.right
        return bool(self.keys[:1] and self.keys[0] in first) or bool(self.right & self.briefed)

    @property
    def missing(self) -> float:
        """The share that is missing: of a list by date the memories, else 1 if none that is right came."""
        came = len(self.right & (self.briefed | set(self.keys)))
        return 1 - came / len(self.right) if self.question["kind"] == "time only" else float(not came)

    @property
    def irrelevant(self) -> int:
        """The number of memories that have nothing to do with the question."""
        return len(set(self.keys) - self.right - self.also)


@dataclass
class Score:
    """The sums over the answers of some questions."""

    answers: list[Answered] = field(default_factory=list[Answered])

    def list_values(self) -> tuple[float, float, float, float, float]:
        """Right first, missing and falsely answered in percent; irrelevant memories and tokens per answer."""
        known = [each for each in self.answers if each.right]
        unknown = [each for each in self.answers if not each.right]
        told = [each for each in self.answers if each.keys]
        return (
            100 * _average([each.is_right_first for each in known]),
            100 * _average([each.missing for each in known]),
            100 * _average([bool(each.keys) for each in unknown]),
            _average([each.irrelevant for each in told]),
            _average([each.tokens for each in told]),
        )


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def measure(*, quick: bool) -> list[Figure]:
    del quick  # there is one size
    if not has_model():
        return [Figure("quiet recall", "not measured", "", "there is no embedding model; `make model` fetches one")]
    answers = ask_all(DOORS)
    return [figure for door in DOORS for figure in _make_figures(door, answers[door])]


def _make_figures(door: str, answers: Sequence[Answered]) -> Iterator[Figure]:
    for half in HALVES:
        score = Score([each for each in answers if each.question["half"] == half])
        right, missing, falsely, irrelevant, tokens = score.list_values()
        yield Figure(
            f"quiet, {door}, {half} half",
            f"{right:.0f} % right first, {falsely:.0f} % false, {irrelevant:.1f} irrelevant",
            f"{len(score.answers)} questions",
            f"{missing:.0f} % missing, {tokens:.0f} tokens an answer",
            f"≥ {RIGHT_FIRST} %, ≤ {FALSELY} %, ≤ {IRRELEVANT}",
            right >= RIGHT_FIRST and falsely <= FALSELY and irrelevant <= IRRELEVANT,
        )


def ask_all(doors: Sequence[str]) -> dict[str, list[Answered]]:
    """Store the memories on a server of its own, ask every question through the doors, and return the answers."""
    data = json.loads(SET.read_text())
    now = utc_now()
    with make_temporary_folder() as folder:
        site = Site(folder / "data")
        with site.serving(with_model=True), site.client() as client:
            stored = [client.post("/v1/memories", _make_memory(each, now))["id"] for each in data["memories"]]
            keys = dict(zip(stored, (each["key"] for each in data["memories"]), strict=True))
            contents = {each["content"]: each["key"] for each in data["memories"]}
            answers: dict[str, list[Answered]] = {door: [] for door in doors}
            for question in show_progress(data["questions"], "questions"):
                message = fill_in(question["ask"], now)
                for door in doors:
                    came, text, briefed = (
                        _ask_hook(client, message, contents)
                        if door == "hook"
                        else _ask_tool(client, door, message, keys)
                    )
                    answers[door].append(Answered(question, came, len(text) / CHARACTERS_A_TOKEN, briefed))
    return answers


def _make_memory(memory: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    fields = {name: memory[name] for name in ("content", "type", "author") if name in memory}
    return fields | {"occurred_at": find_time(memory["when"], now).isoformat()}


def find_time(when: Mapping[str, int], now: datetime) -> datetime:
    """Return 10 o'clock of a day before now: so many days ago, a weekday (0 is Monday) or a day of a month ago."""
    today = now.replace(hour=10, minute=0, second=0, microsecond=0)
    if "days" in when:
        return today - timedelta(days=when["days"])
    if "weeks" in when:
        return today - timedelta(weeks=when["weeks"], days=today.weekday() - when["weekday"])
    return _find_month(now, when["months"]).replace(day=when["day"], hour=10)


def _find_month(now: datetime, ago: int) -> datetime:
    months = now.year * 12 + now.month - 1 - ago
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def fill_in(ask: str, now: datetime) -> str:
    """Put the name of a month before this one in the place of `{month:-2}`."""
    return re.sub(r"\{month:-(\d)\}", lambda found: f"{_find_month(now, int(found[1])):%B}", ask)


def _ask_tool(
    client: Client, tool: str, message: str, keys: Mapping[str, str]
) -> tuple[list[str], str, frozenset[str]]:
    """Call a tool; return the keys of the memories that came, the text that a model reads, and no briefing."""
    body, headers = make_mcp_call(tool, {"message" if tool == "retrieve_context" else "query": message})
    _, content = client.send_raw("POST", "/mcp", body, headers)
    result = json.loads(content)["result"]
    assert not result.get("isError"), result
    found = result["structuredContent"]["memories"]
    matches = found["matches"] if tool == "retrieve_context" else found
    return [keys[each["id"]] for each in matches], result["content"][0]["text"], frozenset()


def _ask_hook(client: Client, message: str, contents: Mapping[str, str]) -> tuple[list[str], str, frozenset[str]]:
    """Send a prompt after one that brings the session's briefing, and return what `_ask_tool` does."""
    event = {"event": "UserPromptSubmit", "session_id": f"s-{message}"}
    briefing, told = (_read_hook(client, event | {"prompt": prompt}) for prompt in ("/begin", message))
    places = {key: told.find(text) for text, key in contents.items() if text in told}
    briefed = frozenset(key for text, key in contents.items() if text in briefing)
    return sorted(places, key=lambda key: places[key]), told, briefed


def _read_hook(client: Client, event: Mapping[str, str]) -> str:
    return client.post("/v1/hooks", event).get("hookSpecificOutput", {}).get("additionalContext", "")


def print_kinds(door: str, answers: Sequence[Answered]) -> None:
    """Print a table by half and kind of question."""
    table = Table("half", "kind", "n", "right first %", "missing %", "false %", "irrelevant", "tokens", title=door)
    for half in HALVES:
        of_half = [each for each in answers if each.question["half"] == half]
        kinds = dict.fromkeys(each.question["kind"] for each in of_half)
        for kind in (*kinds, "all"):
            chosen = Score([each for each in of_half if kind in {"all", each.question["kind"]}])
            table.add_row(half, kind, str(len(chosen.answers)), *(f"{value:.1f}" for value in chosen.list_values()))
    screen.print(table)


def print_misses(door: str, answers: Sequence[Answered]) -> None:
    """Print the questions of the seen half whose answer is not what it should be."""
    for each in answers:
        is_wrong = each.irrelevant > 0 or (bool(each.right) and not each.is_right_first)
        if each.question["half"] == "seen" and is_wrong:
            marked = [f"[{'green' if key in each.right else 'red'}]{key}[/]" for key in each.keys]
            screen.print(f"{door}: {each.question['ask']} → {', '.join(marked) or 'nothing'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--door", action="append", choices=DOORS, help="ask through this one only")
    parser.add_argument("--kinds", action="store_true", help="a table by kind of question")
    parser.add_argument("--misses", action="store_true", help="each question of the seen half that went wrong")
    arguments = parser.parse_args()
    answers = ask_all(arguments.door or DOORS)
    for door, of_door in answers.items():
        if arguments.kinds:
            print_kinds(door, of_door)
        if arguments.misses:
            print_misses(door, of_door)
    print_figures([figure for door, of_door in answers.items() for figure in _make_figures(door, of_door)])


if __name__ == "__main__":
    main()
