"""The quality of recall: LoCoMo, turn by turn, through the product's own doors at its default settings.

Each dialogue turn is a memory (author, session, time of the session; ids are the server's own, so nothing in a memory
tells that it is evidence). The conversations are ingested over REST with an API key, a workspace each, and every
question is asked over MCP (`retrieve_context`, 30 memories). Questions whose evidence names no turn are left out.

Printed for each category, 1-4 and 1-5:

* R@k: the fraction of a question's evidence among the first k memories; Hit@k: whether any of it is; MRR: of the first
  evidence, within 30; NDCG@10: the ideal has all of the evidence at the top. At turn level the evidence is turns; at
  session level it is their sessions, and a session's rank is that of its best turn, so k counts memories there too.
* Beside them BM25 alone, the vector alone, and the plain formula of both at alpha 0.5 (`arms.py`).
* False injection: how many questions get any memory from a workspace that never heard of them. Each conversation's
  questions are asked in the next one's workspace, the last one's in the first one's; a single conversation's in the
  next one's of the file. And how many questions get no memory although the answer is known.
* How long an answer to a question in its own workspace took; the arms are computed when the server is gone.

`--bare` stores each turn as an agent does that fills in no field: its text alone, one call of `store_memory` after the
other over one connection. The server then knows neither who spoke nor when: all turns of a conversation are stored
within some minutes, so they are of one session to it, and "yesterday" means the day before this run.

Choose on some conversations and confirm on others: `--conversations 0,1,2`, then `--conversations 3,4`. `--json FILE`
keeps every question's ranks, and `--compare FILE` holds a run against them: the same questions, pair by pair.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers import recall_metrics
from helpers.arms import Arms, load_embedder
from helpers.client import Client
from helpers.common import Figure, Site, has_model, make_temporary_folder, print_figures, screen, show_progress
from helpers.locomo import Conversation, Question, Turn, find_file, pick_evenly, read_conversations
from helpers.recall_metrics import PRODUCT, Row, find_ranks
from helpers.recall_report import make_figures, print_comparison, print_tables

LIMIT = 30
BATCH = 100


@dataclass(frozen=True)
class Choice:
    """The part of a file to measure: conversations, questions of each, and the way.

    By default a recalled memory counts as used, as in the product, which may lift it for the next question. The arms
    are the same in every run of the same file, so a run that is compared with an earlier one can do without them.
    """

    conversations: Sequence[int]
    limit: int | None = None
    is_untracked: bool = False
    with_arms: bool = True
    is_bare: bool = False


@dataclass(frozen=True)
class Answer:
    """The places of turns in their conversation, best first, and how long it took."""

    found: list[int]
    milliseconds: float


class Workspace:
    """A conversation in the product: ingested over REST, or stored turn by turn over MCP, and asked over MCP."""

    def __init__(self, client: Client, name: str, turns: Sequence[Turn], choice: Choice) -> None:
        self._client = client
        self._asked = {"limit": LIMIT, "workspace": name} | ({"track_access": False} if choice.is_untracked else {})
        self._name = name
        self._places: dict[str, int] = {}
        if choice.is_bare:
            self._store_bare_turns(turns)
        else:
            self._ingest_turns(turns)

    def _store_bare_turns(self, turns: Sequence[Turn]) -> None:
        for place, turn in enumerate(show_progress(turns, f"storing {self._name}")):
            answer = self._client.call("store_memory", {"content": turn.text, "workspace": self._name})
            assert answer["indexed"]
            self._places.setdefault(answer["id"], place)

    def _ingest_turns(self, turns: Sequence[Turn]) -> None:
        given = [
            {"content": turn.text, "author": turn.author, "session": turn.session, "occurred_at": turn.at.isoformat()}
            for turn in turns
        ]
        for first in show_progress(range(0, len(given), BATCH), f"ingesting {self._name}"):
            body = {"memories": given[first : first + BATCH], "workspace": self._name}
            answer = self._client.post("/v1/memories/ingest", body)
            assert answer["indexed"]
            self._places |= {memory_id: first + step for step, memory_id in enumerate(answer["ids"])}
        assert len(self._places) == len(turns)

    def ask_questions(self, questions: Sequence[Question]) -> list[Answer]:
        """Return the ids that it recalls for each question."""
        return [self._ask_question(question.text) for question in show_progress(questions, f"asking {self._name}")]

    def _ask_question(self, question: str) -> Answer:
        """Ask a question. Not too many memories may come, none twice, and none of another workspace."""
        started = time.perf_counter()
        memories = self._client.call("retrieve_context", {"message": question, **self._asked})["memories"]
        milliseconds = (time.perf_counter() - started) * 1000
        found = [self._places[match["id"]] for match in memories["matches"]]
        assert len(found) <= LIMIT
        assert len(set(found)) == len(found)
        assert memories["ranking"] == ("hybrid" if has_model() else "keyword")
        return Answer(found, milliseconds)


def measure(*, quick: bool) -> list[Figure]:
    path = find_file()
    if not path.is_file():
        screen.print(f"recall: {path.name} is not in LOCI_BENCH_DATA, so recall was not measured")
        return []
    conversations = read_conversations(path)
    return make_figures(measure_rows(conversations, Choice(range(1 if quick else len(conversations)))))


def measure_rows(conversations: Sequence[Conversation], choice: Choice) -> list[Row]:
    """Return a row for each question: first the product's part, and when its server is gone, the arms'."""
    chosen = {number: pick_evenly(conversations[number].questions, choice.limit) for number in choice.conversations}
    at_home, elsewhere = _ask_product(conversations, chosen, choice)
    embedder = load_embedder() if choice.with_arms else None
    rows: list[Row] = []
    for number, questions in chosen.items():
        conversation = conversations[number]
        arms = Arms(conversation.turns, embedder, conversation.name) if choice.with_arms else None
        asked = zip(questions, at_home[number], elsewhere.get(number, [None] * len(questions)), strict=True)
        for question, mine, theirs in show_progress(list(asked), f"each arm, {conversation.name}"):
            rankings = {PRODUCT: mine.found} | (arms.rank_turns(question.text, LIMIT) if arms else {})
            rows.append(
                Row(
                    conversation.name,
                    question.number,
                    question.category,
                    {arm: _find_ranks(found, question, conversation.turns) for arm, found in rankings.items()},
                    round(mine.milliseconds, 2),
                    len(mine.found),
                    None if theirs is None else len(theirs.found),
                )
            )
    return rows


def _ask_product(
    conversations: Sequence[Conversation], chosen: dict[int, list[Question]], choice: Choice
) -> tuple[dict[int, list[Answer]], dict[int, list[Answer]]]:
    """Return the product's answers to each conversation's questions, in its own workspace and in another's."""
    others = choose_strangers(list(chosen), len(conversations))
    with make_temporary_folder() as folder:
        site = Site(folder / "data", model="auto" if has_model() else "none")
        with site.serving(with_model=has_model()), site.client() as client:
            workspaces = {
                number: Workspace(client, f"conversation {number}", conversations[number].turns, choice)
                for number in sorted({*chosen, *others.values()})
            }
            at_home = {number: workspaces[number].ask_questions(questions) for number, questions in chosen.items()}
            return at_home, {
                number: workspaces[place].ask_questions(chosen[number]) for number, place in others.items()
            }


def choose_strangers(chosen: Sequence[int], count: int) -> dict[int, int]:
    """Return, for each conversation, another of so many in the file: its workspace is asked the same questions."""
    ring = chosen if len(chosen) > 1 else [*chosen, (chosen[0] + 1) % count]
    following = {number: ring[(step + 1) % len(ring)] for step, number in enumerate(chosen)}
    return {number: other for number, other in following.items() if number != other}


def _find_ranks(found: Sequence[int], question: Question, turns: Sequence[Turn]) -> dict[str, list[int | None]]:
    """Return the ranks of a question's evidence, at both levels."""
    sessions = dict.fromkeys(turns[place].session for place in question.evidence)
    return {
        "turn": find_ranks(found, question.evidence),
        "session": find_ranks([turns[place].session for place in found], sessions),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="of LoCoMo's form; default: what LOCI_BENCH_DATA names")
    parser.add_argument("--conversations", metavar="0,1,2", help="only these, counted from 0")
    parser.add_argument("--limit", type=int, metavar="N", help="only so many questions of each, evenly spread")
    parser.add_argument("--untracked", action="store_true", help="recalled memories do not count as used")
    parser.add_argument("--bare", action="store_true", help="store each turn as its text alone, over one connection")
    parser.add_argument("--product-only", action="store_true", help="without the arms, in about half the time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep each question's ranks in this file")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="show the difference from what --json kept")
    given = parser.parse_args()
    path = given.file or find_file()
    try:
        conversations = read_conversations(path)
        before = recall_metrics.read_rows(given.compare) if given.compare else None
        chosen = _parse_numbers(given.conversations, len(conversations))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if given.limit is not None and given.limit < 1:
        parser.error(f"--limit is {given.limit}; it is at least 1")
    if not any(conversations[number].questions for number in chosen):
        parser.error("none of these conversations has a question whose evidence is there")
    if given.json and not given.json.absolute().parent.is_dir():
        parser.error(f"--json is {given.json}, in a folder that is not there")
    choice = Choice(chosen, given.limit, given.untracked, not given.product_only, given.bare)
    rows = measure_rows(conversations, choice)
    if given.json:
        recall_metrics.write_rows(rows, given.json)
    memories = sum(len(conversations[number].turns) for number in chosen)
    print(f"{path.name}: conversations {len(chosen)}, memories {memories:,}, questions {len(rows):,}")
    print_tables(rows)
    if before is not None:
        print_comparison(rows, before, given.compare.name)
    print_figures(make_figures(rows))


def _parse_numbers(given: str | None, count: int) -> list[int]:
    """Return the numbers of the conversations that are meant.

    Raises:
        ValueError: one is not in the file.
    """
    if given is None:
        return list(range(count))
    numbers = list(dict.fromkeys(int(each) if each.strip().isdecimal() else -1 for each in given.split(",")))
    if not all(0 <= number < count for number in numbers):
        raise ValueError(f"--conversations is {given}; the file has the conversations 0 to {count - 1}")
    return numbers


if __name__ == "__main__":
    main()
