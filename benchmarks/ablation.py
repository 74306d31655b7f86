"""The worth of each part of recall: the product's own ranking, with one part taken out at a time.

The conversations of a LoCoMo-shaped file are ranked by the product's modules (`server.memory`, `tools.recall`),
with numpy in the engine's place, so that a variant costs seconds and not a server. The first row is the product as it
is; its figures differ from those of `recall.py` only by what the engine does. Each other row has one thing changed.
Beside it stands the difference, with a 95 % interval of a paired bootstrap over the questions; `*` marks one without 0,
and the signs say in how many conversations it helped (+), hurt (-) or did nothing (=): a choice is to hold in each.

Recency is measured at the end of each conversation, everything else long after, as a question about old times is. Such
a file cannot show projects, entities and use, of which it has none.

    python benchmarks/ablation.py [FILE] [--conversations 0,1,2]
"""

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from helpers import recall_metrics
from helpers.arms import await_vectors, load_embedder
from helpers.common import show_progress
from helpers.locomo import Conversation, find_file, read_conversations
from rich.console import Console
from rich.table import Table

K = 10
WIDTH = 140
LATER = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Variant:
    """The product, but for what is said here."""

    name: str
    nudges: dict[str, float] = field(default_factory=dict)
    alpha: float | None = None
    neighbours: int = 2
    own: int = 3
    names_out: bool = True
    gate: bool = True
    other_scores: bool = True
    late_weight: float = 0.6
    before_share: float = 0.6
    token_gate: bool = True
    depth: int = 40
    at_the_end: bool = False


VARIANTS = (
    Variant("the product"),
    Variant("without late interaction", late_weight=0.0),
    Variant("late interaction 0.5", late_weight=0.5),
    Variant("late interaction 0.7", late_weight=0.7),
    Variant("late interaction with own tokens alone", before_share=1e-9),
    Variant("without the gate", gate=False),
    Variant("the gate without tokens", token_gate=False),
    Variant("each arm's score only where it found a memory", other_scores=False),
    Variant("words alone", alpha=1.0),
    Variant("meaning alone", alpha=0.0),
    Variant("alpha 0.4", alpha=0.4),
    Variant("alpha 0.6", alpha=0.6),
    Variant("no turns before it in a key", neighbours=0),
    Variant("one turn before it in a key", neighbours=1),
    Variant("own words twice in a key", own=2),
    Variant("own words four times in a key", own=4),
    Variant("common names stay in the vector", names_out=False),
    Variant(
        "no nudge at all",
        nudges=dict.fromkeys(
            ("neighbours", "author", "date", "question", "first_person", "reply", "entity", "recency"), 0.0
        ),
    ),
    Variant("without neighbours", nudges={"neighbours": 0.0}),
    Variant("neighbours 0.3", nudges={"neighbours": 0.3}),
    Variant("neighbours 0.5", nudges={"neighbours": 0.5}),
    Variant("without the author", nudges={"author": 0.0}),
    Variant("author 0.15", nudges={"author": 0.15}),
    Variant("author 0.35", nudges={"author": 0.35}),
    Variant("without dates", nudges={"date": 0.0}),
    Variant("date 0.15", nudges={"date": 0.15}),
    Variant("date 0.6", nudges={"date": 0.6}),
    Variant("questions as good as answers", nudges={"question": 0.0}),
    Variant("questions -0.3", nudges={"question": -0.3}),
    Variant("without the first person", nudges={"first_person": 0.0}),
    Variant("first person 0.2", nudges={"first_person": 0.2}),
    Variant("without replies", nudges={"reply": 0.0}),
    Variant("recency, asked at the end", at_the_end=True),
    Variant("recency 0.2, asked at the end", nudges={"recency": 0.2}, at_the_end=True),
    Variant("30 candidates of each arm", depth=30),
    Variant("80 candidates of each arm", depth=80),
)


@dataclass(eq=False)
class Corpus:
    """A conversation made ready: memories, their vectors, and what they are embedded by."""

    conversation: Conversation
    memories: list[Any]
    vectors: np.ndarray[Any, Any]
    tokens: dict[str, Any]
    embed: Callable[[str], Any]

    @lru_cache(maxsize=8)  # noqa: B019 - there are as many as conversations
    def collect_postings(self, neighbours: int, own: int) -> tuple[dict[int, dict[int, float]], int]:
        """Postings: term id → (place → weight), and how many memories there are."""
        from server.memory import text  # noqa: PLC0415 - only after ROOT is importable

        postings: dict[int, dict[int, float]] = {}
        for place, memory in enumerate(self.memories):
            before = [self.memories[each].content for each in self.list_before(place, neighbours)]
            counts = text.build_search_text(memory, before)
            if own != text.OWN_WEIGHT:
                alone = text.build_search_text(memory, [])
                for term, count in alone.items():
                    counts[term] += count // text.OWN_WEIGHT * (own - text.OWN_WEIGHT)
            for term, weight in zip(*text.weigh_terms(counts), strict=True):
                postings.setdefault(term, {})[place] = weight
        return postings, len(self.memories)

    @cache  # noqa: B019 - there are as many as turns
    def read_payload(self, place: int) -> dict[str, Any]:
        """Return the payload of a memory's point."""
        from server.store.projection.points.payload import build_payload  # noqa: PLC0415 - only after ROOT is importable

        return build_payload(self.memories[place], [self.memories[each].id for each in self.list_before(place, 2)])

    def list_before(self, place: int, neighbours: int) -> list[int]:
        """The places just before one in its session, nearest first."""
        session = self.memories[place].session
        back = range(place - 1, max(place - neighbours, 0) - 1, -1)
        return [each for each in back if self.memories[each].session == session]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=find_file(), metavar="FILE")
    parser.add_argument("--conversations", default="", help="which, e.g. 0,1,2; all, unless told otherwise")
    arguments = parser.parse_args()
    conversations = read_conversations(arguments.file)
    chosen = [int(each) for each in arguments.conversations.split(",") if each] or range(len(conversations))
    embedder = load_embedder()
    assert embedder is not None, "there is no model: loci model pull"
    embed = lru_cache(maxsize=None)(embedder.embed_query)
    corpora = [_read_corpus(conversations[place], embedder, embed) for place in chosen]
    results = [list(_measure_variant(corpora, variant)) for variant in show_progress(VARIANTS, "variants")]
    strange, swapped = _measure_injections(corpora), _measure_injections(corpora, swaps_names=True)
    _print_results(results, [len(each.conversation.questions) for each in corpora])
    Console(width=WIDTH).print(
        f"False injection: {strange:.1f} % of the questions, asked in the next conversation, get an answer; "
        f"{swapped:.1f} % if they name its own speakers."
    )


def _read_corpus(conversation: Conversation, embedder: Any, embed: Callable[[str], Any]) -> Corpus:
    from server.memory.models import Memory  # noqa: PLC0415 - only after ROOT is importable

    memories = [
        Memory(
            id=str(UUID(int=place)),
            content=turn.text,
            type="observation",
            tags=["source:bulk"],
            scope="global",
            author=turn.author,
            session=turn.session,
            occurred_at=turn.at,
            created_at=LATER,
            updated_at=LATER,
            linkages=[],
            relevance=1.0,
            access_count=0,
            consolidated=0,
            metadata={},
        )
        for place, turn in enumerate(conversation.turns)
    ]
    found = await_vectors(embedder.embed_documents([each.content for each in memories]))
    tokens = {memory.id: each.tokens for memory, each in zip(memories, found, strict=True)}
    return Corpus(conversation, memories, np.stack([each.windows[0] for each in found]), tokens, embed)


def _measure_variant(corpora: Sequence[Corpus], variant: Variant) -> Iterator[tuple[int, float, float]]:
    """For each question: its category, recall@10 and the reciprocal rank."""
    for corpus in corpora:
        for question in corpus.conversation.questions:
            found = _recall_places(corpus, question.text, variant)
            ranks = recall_metrics.find_ranks(found[:30], question.evidence)
            yield (
                question.category,
                recall_metrics.compute_recall(K, ranks),
                recall_metrics.compute_reciprocal_rank(ranks),
            )


def _recall_places(corpus: Corpus, text: str, variant: Variant) -> list[int]:
    """The places of the memories that the variant recalls, best first."""
    from server.memory.recall import gate, ranking  # noqa: PLC0415 - only after ROOT is importable
    from server.memory.recall.question import Question  # noqa: PLC0415 - as above
    from server.store.record.workspaces import Workspace  # noqa: PLC0415 - as above
    from server.store.search.seam import FoundPoint, FoundPoints  # noqa: PLC0415 - as above
    from tools.recall.workspace_search import Weighing, weigh_question  # noqa: PLC0415 - as above

    question = Question(text)
    postings, total = corpus.collect_postings(variant.neighbours, variant.own)
    rarities = [gate.compute_idf(total, len(postings.get(term, {}))) for term in question.term_ids]
    words = np.zeros(total)
    for term, rarity in zip(question.term_ids, rarities, strict=True):
        for place, weight in postings.get(term, {}).items():
            words[place] += weight * rarity
    common = [gate.is_common(each, total) for each in rarities]
    asked = question.remove_common_names(common) if variant.names_out else text
    embedded = corpus.embed(asked)
    cosines = corpus.vectors @ embedded.whole

    def find_points(scores: Any) -> list[FoundPoint]:
        best = np.argsort(-scores, kind="stable")[: variant.depth]
        return [
            FoundPoint(corpus.memories[each].id, float(scores[each]), corpus.read_payload(int(each)))
            for each in best
            if scores[each]
        ]

    def find_others(scores: Any, mine: list[FoundPoint], theirs: list[FoundPoint]) -> dict[str, float]:
        missing = {point.id for point in theirs} - {point.id for point in mine}
        found = {each: float(scores[UUID(each).int]) for each in missing if variant.other_scores}
        return {each: score for each, score in found.items() if score}

    now = max(each.at for each in corpus.conversation.turns) + timedelta(days=1) if variant.at_the_end else LATER
    model = "sentence-transformers/all-MiniLM-L6-v2"
    names = question.list_known_people(rarities, gate.compute_idf(total, 0))
    named = frozenset(corpus.memories[each].id for term in names for each in postings.get(term, {})) if names else None
    scales = gate.Scales.from_rarities(gate.limit_missing(rarities, total), model)
    unknown = question.has_unknown_name([each >= gate.compute_idf(total, 0) for each in rarities])
    weighing = Weighing(question, common, scales, None, now.timestamp(), unknown)
    place = Workspace("w", "a", "w", LATER, LATER)
    dense, text_points = find_points(cosines), find_points(words)
    points = FoundPoints(
        dense, text_points, find_others(cosines, dense, text_points), find_others(words, text_points, dense)
    )
    found = weighing.weigh_points(place, points, total, is_hybrid=True)
    by_id = dict(zip(question.term_ids, rarities, strict=True))
    tokens = weigh_question(replace(question, text=asked), embedded, by_id, names, 0)
    common_names = all(gate.is_common(by_id[each], total) for each in names)
    found = replace(found, tokens=tokens, model=model, named=named, has_common_names=common_names)
    candidates = _find_candidates(found, corpus, variant)
    kept, late = ranking.NUDGES, ranking.LATE_WEIGHT
    ranking.NUDGES, ranking.LATE_WEIGHT = {**kept, **variant.nudges}, variant.late_weight
    try:
        alpha = ranking.ALPHA if variant.alpha is None else variant.alpha
        ranked = ranking.rank(candidates, alpha=alpha, now=now, spans=question.find_spans(now))
    finally:
        ranking.NUDGES, ranking.LATE_WEIGHT = kept, late
    return [UUID(each.id).int for each in ranked]


def _find_candidates(found: Any, corpus: Corpus, variant: Variant) -> list[Any]:
    """Return the candidates of a `SearchedWorkspace` that pass the gate, with their interactions."""
    from server.memory.recall import late_interaction  # noqa: PLC0415 - only after ROOT is importable
    from server.memory.recall.somebody import tells_of_somebody  # noqa: PLC0415 - as above
    from tools.recall.interactions import compare_workspace  # noqa: PLC0415 - as above
    from tools.recall.pipeline import apply_gate  # noqa: PLC0415 - as above

    share, late_interaction.BEFORE = late_interaction.BEFORE, variant.before_share
    try:
        found, of_another = compare_workspace(found, corpus.tokens)
    finally:
        late_interaction.BEFORE = share
    if of_another is not None and tells_of_somebody(corpus.memories[UUID(of_another).int].content):
        found = replace(found, is_of_another=True)
    if not variant.token_gate:
        found = replace(found, token_evidence=0.0, is_of_another=False)
    candidates = apply_gate([found], 0.0)[0] if variant.gate else found.candidates
    return candidates if variant.late_weight else [each._replace(interaction=None) for each in candidates]


def _measure_injections(corpora: Sequence[Corpus], *, swaps_names: bool = False) -> float:
    """Return the share of questions, in %, that get an answer from the next conversation, which never heard of them.

    With `swaps_names` each speaker's name is replaced by that of one of the next conversation.
    """
    product, answered = replace(VARIANTS[0]), list[bool]()
    for place, corpus in enumerate(corpora):
        other = corpora[(place + 1) % len(corpora)]
        names = dict(zip(_list_speakers(corpus), _list_speakers(other), strict=False)) if swaps_names else {}
        for question in corpus.conversation.questions:
            text = re.sub(r"\w+", lambda word, names=names: names.get(word[0], word[0]), question.text)
            answered.append(bool(_recall_places(other, text, product)))
    return sum(answered) / len(answered) * 100


def _list_speakers(corpus: Corpus) -> list[str]:
    """Return the names of a conversation's speakers, in the order in which they speak first."""
    return list(dict.fromkeys(turn.author for turn in corpus.conversation.turns))


def _print_results(results: Sequence[list[tuple[int, float, float]]], sizes: Sequence[int]) -> None:
    table = Table("variant", "R@10, 1-5", "difference", "by conversation", "MRR, 1-4", "difference")
    base = results[0]
    for variant, rows in zip(VARIANTS, results, strict=True):
        recall = [row[1] for row in rows]
        mrr = [row[2] for row in rows if row[0] <= 4]
        cells = [variant.name, f"{np.mean(recall) * 100:.1f}", "", "", f"{np.mean(mrr) * 100:.1f}", ""]
        if rows is not base:
            changes = [mine[1] - theirs[1] for mine, theirs in zip(rows, base, strict=True)]
            cells[2] = _format_difference(changes)
            cells[3] = _format_signs(changes, sizes)
            cells[5] = _format_difference([m[2] - b[2] for m, b in zip(rows, base, strict=True) if m[0] <= 4])
        table.add_row(*cells)
    Console(width=WIDTH).print(table)


def _format_difference(changes: Sequence[float]) -> str:
    low, high = recall_metrics.compute_interval(changes)
    mark = "" if low <= 0 <= high else " *"
    return f"{np.mean(changes) * 100:+.1f} [{low * 100:+.1f}, {high * 100:+.1f}]{mark}"


def _format_signs(changes: Sequence[float], sizes: Sequence[int]) -> str:
    ends = np.cumsum([0, *sizes])
    means = [np.mean(changes[begin:end]) for begin, end in pairwise(ends)]
    return "".join("+" if each > 0 else "-" if each < 0 else "=" for each in means)


if __name__ == "__main__":
    main()
