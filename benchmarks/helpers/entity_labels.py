"""Labelled memories, and how many of their entities are found without a model."""

from dataclasses import dataclass, field
from pathlib import Path

from server.memory.entities.finding import find_entities
from server.memory.entities.names import fold_entity_name

DATA = Path(__file__).parents[1] / "data"
#: The rules were made while looking at the first file only.
HALVES = {"seen": DATA / "entities_seen.tsv", "unseen": DATA / "entities_unseen.tsv"}


@dataclass
class Score:
    """How many names were found that are labelled, were found beside them, and were missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    #: The texts with mistakes: the text, the names found beside the labels, and the names missed.
    mistakes: list[tuple[str, list[str], list[str]]] = field(default_factory=list[tuple[str, list[str], list[str]]])

    @property
    def precision(self) -> float:
        """The share of the names found that are labelled."""
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        """The share of the labelled names that are found."""
        return self.right / (self.right + self.missed)


def read_labels(path: Path) -> list[tuple[str, str, list[str]]]:
    """Return the memories of a file: kind, text, and the names of its entities."""
    rows: list[tuple[str, str, list[str]]] = []
    for line in path.read_text().splitlines():
        kind, text, names = line.split("\t")
        rows.append((kind, text, [each.strip() for each in names.split(" | ") if each.strip()]))
    return rows


def score_half(path: Path) -> Score:
    """Compare the entities that are found in the memories of a file with its labels."""
    score = Score()
    for _, text, names in read_labels(path):
        labelled = {fold_entity_name(each) for each in names}
        found = {each.key for each in find_entities(text)}
        score.right += len(found & labelled)
        score.wrong += len(found - labelled)
        score.missed += len(labelled - found)
        if found != labelled:
            score.mistakes.append((text, sorted(found - labelled), sorted(labelled - found)))
    return score
