"""Search by words in the record alone, for the memories that cannot be written into a collection.

If the collection of a workspace cannot be opened either, all its memories are searched so. It is slow, as nothing of it
is kept: a recall reads the newest memories and weighs their words.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.memory.languages import Language
from server.memory.recall.gate import compute_idf
from server.store.db import Database
from server.store.projection.placement import Target
from server.store.projection.points.payload import build_point, read_origins_of, select_newest, split_rows
from server.store.search.seam import FoundPoint, FoundPoints, Point, Query

#: The newest memories that are read; older ones are not found.
MOST_READ = 1_000


@dataclass(frozen=True, slots=True)
class RecordWords:
    """The newest memories of a workspace that are read, with the weights of their words."""

    language: Language
    points: Sequence[Point]

    def find_rarities(self, terms: Sequence[int]) -> tuple[list[float], int]:
        """Return each term's idf among these memories, and their number."""
        total = len(self.points)
        indices = [frozenset(point.text.indices) for point in self.points]
        return [compute_idf(total, sum(term in each for each in indices)) for term in terms], total

    def search(self, query: Query) -> FoundPoints:
        """Return the points of the text arm, as an engine would."""
        terms = [] if query.text is None else query.text.indices
        return FoundPoints([], self._find_best(query, self.find_rarities(terms)[0]))

    def add_to(self, found: FoundPoints, query: Query, rarities: Sequence[float]) -> FoundPoints:
        """Return the points that a collection found, with the text arm's points of these memories as they are now.

        Args:
            found: the points of the collection.
            query: the query that found them.
            rarities: the idf of each term of the query, in the collection.
        """
        ours = {point.id for point in self.points}
        text = [point for point in found.text if point.id not in ours] + self._find_best(query, rarities)
        others = {id_: score for id_, score in found.other_text.items() if id_ not in ours}
        return replace(found, text=_take_best(text, query.limit), other_text=others)

    def _find_best(self, query: Query, rarities: Sequence[float]) -> list[FoundPoint]:
        if query.text is None:
            return []
        asked = zip(query.text.indices, query.text.values, rarities, strict=True)
        of_terms = {term: weight * rarity for term, weight, rarity in asked}
        found: list[FoundPoint] = []
        for point in self.points:
            weights = zip(point.text.indices, point.text.values, strict=True)
            score = sum(of_terms[term] * weight for term, weight in weights if term in of_terms)
            if score > 0 and query.filter.admits(point.payload):
                found.append(FoundPoint(point.id, score, point.payload))
        return _take_best(found, query.limit)


async def read_words(db: Database, target: Target, after: int = 0) -> RecordWords:
    """Read the newest memories of a workspace above a revision, by whose words they can be searched."""
    async with db.read() as connection:
        rows = await select_newest(connection, target.workspace_id, after, MOST_READ)
        origins = await read_origins_of(connection, rows)
    points: list[Point] = []
    for part in split_rows(rows):
        points += [build_point(target.collection, target.language, row, origins) for row in part]
        await asyncio.sleep(0)
    return RecordWords(target.language, points)


def _take_best(points: list[FoundPoint], limit: int) -> list[FoundPoint]:
    return sorted(points, key=lambda point: (point.score, point.id), reverse=True)[:limit]
