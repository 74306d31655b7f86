"""How much of what was said is recalled: LoCoMo, turn by turn, through the product's own doors at its default settings.

Each dialogue turn is a memory (author, session, time of the session; ids are the server's own, so nothing in a memory
tells that it is evidence). The conversations are ingested over REST with an API key, a workspace each, and every
question is asked over MCP (`retrieve_context`, 30 memories). Printed are, per category, recall@10 (the fraction of a
question's evidence turns among the first ten, averaged over the questions) and the mean reciprocal rank of the first.

Beside it, from the same texts: BM25 alone and the vector alone, computed here with the product's own analyzer and
embedding model, because the product offers no recall by one arm. Questions whose evidence names no turn are left out.
The data set is not part of the project; LOCI_BENCH_DATA says where it lies.

Run alone, it takes `--limit N` to ask only so many questions of each conversation.
"""

import argparse
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from common import MODELS, Client, Figure, Site, data_folder, has_model, progress, screen, show, temporary_folder

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
GROUPS = {**{name: (number,) for number, name in CATEGORIES.items()}, "1-4": (1, 2, 3, 4), "1-5": (1, 2, 3, 4, 5)}
K = 10
LIMIT = 30
BATCH = 100
TARGET_RECALL = 78.0
TARGET_MRR = 57.0

#: A question's text in, the places of turns in their conversation out, best first.
Ask = Callable[[str], list[int]]


@dataclass(frozen=True)
class Turn:
    """One turn of a dialogue."""

    name: str
    author: str
    session: str
    at: datetime
    text: str


@dataclass(frozen=True)
class Question:
    """A question, and the places of the turns that answer it."""

    text: str
    category: int
    evidence: frozenset[int]


def turns_of(conversation: dict[str, Any]) -> list[Turn]:
    """Every turn, in the order in which it was said. A shared picture speaks through its caption."""
    sessions = sorted(
        (int(found[1]), turns)
        for name, turns in conversation.items()
        if (found := re.fullmatch(r"session_(\d+)", name)) and turns
    )
    said: list[Turn] = []
    for number, turns in sessions:
        at = datetime.strptime(conversation[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for turn in turns:
            caption = f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            said.append(Turn(turn["dia_id"], turn["speaker"], f"session {number}", at, turn["text"] + caption))
    return said


def questions_of(sample: dict[str, Any], turns: list[Turn]) -> list[Question]:
    """The questions whose evidence is there."""
    places = {turn.name: place for place, turn in enumerate(turns)}
    asked: list[Question] = []
    for each in sample["qa"]:
        named = re.findall(r"D\d+:\d+", " ".join(each["evidence"]))
        evidence = frozenset(places[name] for name in named if name in places)
        if evidence:
            asked.append(Question(each["question"], each["category"], evidence))
    return asked


def measure(*, quick: bool) -> list[Figure]:
    path = data_folder() / "locomo-dev.json"
    if not path.is_file():
        screen.print(f"recall: {path.name} is not in LOCI_BENCH_DATA, so recall was not measured")
        return []
    return measured(json.loads(path.read_text())[: 1 if quick else None], limit=None)


def measured(samples: list[dict[str, Any]], limit: int | None) -> list[Figure]:
    """The figures for these conversations, with so many questions of each."""
    scores: dict[str, dict[int, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    memories = 0
    with temporary_folder() as folder:
        site = Site(folder / "data", model="auto" if has_model() else "none")
        with site.serving(with_model=has_model()):
            for number, sample in enumerate(samples):
                turns = turns_of(sample["conversation"])
                memories += len(turns)
                questions = questions_of(sample, turns)[:limit]
                alone = _alone(turns)
                # A connection for each conversation: while the arms are made ready, the server lets an idle one go.
                with site.client() as client:
                    asks = {"product": _product(client, f"conversation {number}", turns), **alone}
                    for question in progress(questions, f"conversation {number + 1} of {len(samples)}"):
                        for name, ask in asks.items():
                            scores[name][question.category].append(_score(ask(question.text), question.evidence))
    return _figures(scores, memories)


def _product(client: Client, workspace: str, turns: list[Turn]) -> Ask:
    """Ingest a conversation over REST; what asks about it over MCP."""
    places: dict[str, int] = {}
    for first in progress(range(0, len(turns), BATCH), f"ingesting {workspace}"):
        given = [
            {"content": turn.text, "author": turn.author, "session": turn.session, "occurred_at": turn.at.isoformat()}
            for turn in turns[first : first + BATCH]
        ]
        answer = client.post("/v1/memories/ingest", {"memories": given, "workspace": workspace})
        assert answer["indexed"]
        places |= {memory_id: first + step for step, memory_id in enumerate(answer["ids"])}

    def ask(question: str) -> list[int]:
        answer = client.call("retrieve_context", {"message": question, "limit": LIMIT, "workspace": workspace})
        found = answer["memories"]["matches"]
        assert len(found) <= LIMIT
        assert answer["memories"]["ranking"] == ("hybrid" if has_model() else "keyword")
        return [places[match["id"]] for match in found]

    return ask


def _alone(turns: list[Turn]) -> dict[str, Ask]:
    """Each arm by itself."""
    arms = {"BM25 alone": _keyword(turns)}
    if has_model():
        arms["vector alone"] = _vector(turns)
    return arms


def _keyword(turns: list[Turn]) -> Ask:
    """BM25 with the product's analyzer and weights, over text, author and date, with Lucene's idf as in Qdrant."""
    from server.memory.text import document_weights, query_weights  # noqa: PLC0415 - only after ROOT is importable

    postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for place, turn in enumerate(turns):
        for term, weight in zip(
            *document_weights(f"{turn.text}\n{turn.author}\n{turn.at.day} {turn.at:%B %Y}"), strict=True
        ):
            postings[term].append((place, weight))

    def ask(question: str) -> list[int]:
        scores: Counter[int] = Counter()
        for term in query_weights(question)[0]:
            there = postings[term]
            rarity = math.log(1 + (len(turns) - len(there) + 0.5) / (len(there) + 0.5))
            for place, weight in there:
                scores[place] += weight * rarity
        return [place for place, _ in scores.most_common(LIMIT)]

    return ask


def _vector(turns: list[Turn]) -> Ask:
    """The embedding model alone: the texts as they are, the question as it is."""
    from server.store.embedder import Embedder  # noqa: PLC0415 - only after ROOT is importable
    from server.store.model_folder import find, place  # noqa: PLC0415 - as above

    model = find(MODELS, "auto")
    assert model is not None
    embedder = Embedder(place(MODELS, model.name), model, 0)
    work = embedder.documents([turn.text for turn in turns])
    while True:
        try:
            next(work)
        except StopIteration as end:
            vectors = np.stack([windows[0] for windows in end.value])
            break
    return lambda question: list(np.argsort(-(vectors @ embedder.query(question)))[:LIMIT])


def _score(found: list[int], evidence: frozenset[int]) -> tuple[float, float]:
    """Recall@10 and the reciprocal rank for one question."""
    cut = found[:K]
    assert len(cut) <= K
    assert len(set(found)) == len(found)
    rank = next((place for place, each in enumerate(found, 1) if each in evidence), 0)
    return len(evidence & set(cut)) / len(evidence), 1 / rank if rank else 0.0


def _figures(scores: dict[str, dict[int, list[tuple[float, float]]]], memories: int) -> list[Figure]:
    figures: list[Figure] = []
    for name, categories in GROUPS.items():
        means = {arm: _means(by_category, categories) for arm, by_category in scores.items()}
        asked = sum(len(scores["product"][category]) for category in categories)
        if not asked:
            continue
        recall, reciprocal = means.pop("product")
        recall_target = TARGET_RECALL if name == "1-5" else None
        mrr_target = TARGET_MRR if name == "1-4" else None
        n = f"{asked} questions, {memories} memories"
        figures += [
            Figure(
                f"recall@{K}, {name}",
                f"{recall:.1f} %",
                n,
                ", ".join(f"{arm} {each:.1f}" for arm, (each, _) in means.items()),
                "" if recall_target is None else f"≥ {recall_target:.0f}",
                None if recall_target is None else recall >= recall_target,
            ),
            Figure(
                f"MRR, {name}",
                f"{reciprocal:.1f}",
                n,
                ", ".join(f"{arm} {each:.1f}" for arm, (_, each) in means.items()),
                "" if mrr_target is None else f"≥ {mrr_target:.0f}",
                None if mrr_target is None else reciprocal >= mrr_target,
            ),
        ]
    return figures


def _means(by_category: dict[int, list[tuple[float, float]]], categories: tuple[int, ...]) -> tuple[float, float]:
    values = [value for category in categories for value in by_category[category]]
    if not values:
        return 0.0, 0.0
    recall, reciprocal = (sum(column) / len(values) * 100 for column in zip(*values, strict=True))
    return recall, reciprocal


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="questions of each conversation")
    show(measured(json.loads((data_folder() / "locomo-dev.json").read_text()), parser.parse_args().limit))
