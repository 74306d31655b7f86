"""How current recall is: 42 corrections among other memories, and 40 pairs that only look like corrections.

The memories (`corrections_set.json`, and those of `quiet_set.json` beside them) are stored over REST in bare sentences,
as an agent stores them, the old ones first. Each question is asked through two doors at default settings. Half of the
pairs is `seen`: the rule (`server/memory/corrections/`) was written on it. The other half is for the check alone.

* new first: of the corrections, those whose answer begins with the new memory
* marked: of the answers that have the old memory as well, those that say that it may be replaced
* told: of the corrections, those whose new memory was answered with the old one in `similar`, when it was stored
* falsely marked: of the pairs that are no corrections, those of which an answer marks a memory, or `similar` names one

`--misses` prints the pairs of the seen half that went wrong.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.client import Client
from helpers.common import Figure, Site, has_model, make_temporary_folder, print_figures, screen, show_progress

FOLDER = Path(__file__).parent
HALVES = ("seen", "unseen")
DOORS = ("retrieve_context", "search")
#: Of the other memories, those about the very things of the pairs, which would be right answers as well.
SAME_THINGS = frozenset(
    {
        *("db", "friday", "staging", "bday", "graphql", "qdrant", "short", "owner-search", "docs", "vendor", "ios"),
        *("retro", "backup", "logging", "apac", "max-pool", "flag", "feature-freeze", "lisbon", "demo", "interview"),
        "mobile-crash",
    }
)
#: The targets in percent: new first at least, falsely marked at most.
NEW_FIRST, FALSELY = 95, 5


@dataclass(frozen=True)
class Asked:
    """A pair, and what became of it: whether the right memory came first, and the pair's marks."""

    pair: Mapping[str, Any]
    is_right_first: bool
    #: Whether the old memory came as well.
    has_both: bool
    is_marked: bool
    is_told: bool


def measure(*, quick: bool) -> list[Figure]:
    del quick  # there is one size
    if not has_model():
        return [Figure("corrections", "not measured", "", "there is no embedding model; `make model` fetches one")]
    return [figure for door, asked in ask_all().items() for figure in _make_figures(door, asked)]


def _make_figures(door: str, asked: Sequence[Asked]) -> Iterator[Figure]:
    for half in HALVES:
        mine = [each for each in asked if each.pair["half"] == half]
        pairs = [each for each in mine if "old" in each.pair]
        others = [each for each in mine if "old" not in each.pair]
        both = [each for each in pairs if each.has_both]
        first = _share([each.is_right_first for each in pairs])
        falsely = _share([each.is_marked or each.is_told for each in others])
        yield Figure(
            f"corrections, {door}, {half} half",
            f"{first:.0f} % new first, {falsely:.0f} % falsely marked",
            f"{len(pairs)} corrections, {len(others)} other pairs",
            f"{_share([each.is_marked for each in both]):.0f} % of {len(both)} old ones marked, "
            f"{_share([each.is_told for each in pairs]):.0f} % told; other pairs: "
            f"{_share([each.is_right_first for each in others]):.0f} % right first",
            f"≥ {NEW_FIRST} %, ≤ {FALSELY} %",
            first >= NEW_FIRST and falsely <= FALSELY,
        )


def _share(values: Sequence[bool]) -> float:
    return 100 * sum(values) / len(values) if values else 0.0


def ask_all() -> dict[str, list[Asked]]:
    """Store all memories on a server of its own, ask for each pair through each door, and return what became of it."""
    pairs = json.loads((FOLDER / "corrections_set.json").read_text())
    both = [*pairs["pairs"], *pairs["distractors"]]
    others = json.loads((FOLDER / "quiet_set.json").read_text())["memories"]
    with make_temporary_folder() as folder:
        site = Site(folder / "data")
        with site.serving(with_model=True), site.client() as client:
            olds = [_store(client, each.get("old") or each["one"])["id"] for each in both]
            for each in others:
                if each["key"] not in SAME_THINGS and not each["key"].endswith(("-old", "-new")):
                    _store(client, each["content"])
            news = [_store(client, each.get("new") or each["other"]) for each in both]
            answers: dict[str, list[Asked]] = {}
            for door in DOORS:
                answers[door] = [
                    _ask(client, door, *each) for each in show_progress([*zip(both, olds, news, strict=True)], door)
                ]
            return answers


def _store(client: Client, content: str) -> dict[str, Any]:
    return client.post("/v1/memories", {"content": content})


def _ask(client: Client, door: str, pair: Mapping[str, Any], old: str, new: Mapping[str, Any]) -> Asked:
    if door == "search":
        found = client.post("/v1/search", {"query": pair["ask"]})["memories"]
    else:
        found = client.post("/v1/context", {"message": pair["ask"]})["memories"]["matches"]
    marks = {each["id"]: each.get("may_be_replaced_by") for each in found}
    replaced = [each["id"] for each in new["similar"] if each["why"] == "may replace"]
    right = new["id"] if "old" in pair else old
    return Asked(
        pair=pair,
        is_right_first=bool(found) and found[0]["id"] == right,
        has_both=old in marks and new["id"] in marks,
        is_marked=marks.get(old) == new["id"],
        is_told=old in replaced,
    )


def _print_misses(door: str, asked: Sequence[Asked]) -> None:
    for each in asked:
        is_correction = "old" in each.pair
        is_wrong = not each.is_right_first if is_correction else each.is_marked or each.is_told
        if is_wrong and each.pair["half"] == "seen":
            screen.print(f"{door}: {each.pair['ask']} (marked {each.is_marked}, told {each.is_told})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="the pairs of the seen half that went wrong")
    arguments = parser.parse_args()
    answers = ask_all()
    for door, asked in answers.items():
        if arguments.misses:
            _print_misses(door, asked)
    print_figures([figure for door, asked in answers.items() for figure in _make_figures(door, asked)])


if __name__ == "__main__":
    main()
