"""Search by words in the record alone, for a workspace whose collection cannot be opened because the disk is full.

It is slow, as nothing of it is kept: a recall reads the newest memories of the workspace and weighs their words.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from server.memory.languages import Language
from server.memory.recall.gate import compute_idf
from server.store.db import Database
from server.store.projection.payload import build_point, select_newest, split_rows
from server.store.projection.placement import Target
from server.store.search.seam import FieldMatch, Filter, FoundPoint, FoundPoints, Point, Query

#: The newest memories that are read; older ones are not found.
MOST_READ = 1_000


@dataclass(frozen=True, slots=True)
class RecordWords:
    """The newest memories of a workspace, with the weights of their words."""

    language: Language
    points: Sequence[Point]

    def find_rarities(self, terms: Sequence[int]) -> tuple[list[float], int]:
        """Return each term's idf among these memories, and their number."""
        total = len(self.points)
        indices = [frozenset(point.text.indices) for point in self.points]
        return [compute_idf(total, sum(term in each for each in indices)) for term in terms], total

    def search(self, query: Query) -> FoundPoints:
        """Return the points of the text arm, as an engine would."""
        if query.text is None:
            return FoundPoints([], [])
        terms = query.text.indices
        rarities = dict(zip(terms, self.find_rarities(terms)[0], strict=True))
        least = 0.0 if query.floors is None else query.floors[0]
        found: list[FoundPoint] = []
        for point in self.points:
            weights = zip(point.text.indices, point.text.values, strict=True)
            score = sum(rarities[term] * weight for term, weight in weights if term in rarities)
            if score > 0 and score >= least and _is_in_filter(point, query.filter):
                found.append(FoundPoint(point.id, score, point.payload))
        return FoundPoints([], sorted(found, key=lambda point: (point.score, point.id), reverse=True)[: query.limit])


async def read_words(db: Database, target: Target) -> RecordWords:
    """Read the newest memories of a workspace, by whose words it can be searched."""
    async with db.read() as connection:
        rows = await select_newest(connection, target.workspace_id, MOST_READ)
    points: list[Point] = []
    for part in split_rows(rows):
        points += [build_point(target.collection, target.language, row) for row in part]
        await asyncio.sleep(0)
    return RecordWords(target.language, points)


def _is_in_filter(point: Point, wanted: Filter) -> bool:
    is_met = all(_has_match(point, match) for match in wanted.must)
    return is_met and (
        not wanted.either or any(all(_has_match(point, each) for each in group) for group in wanted.either)
    )


def _has_match(point: Point, match: FieldMatch) -> bool:
    value = point.payload.get(match.key)
    if isinstance(value, list):
        return not set(match.any_of).isdisjoint(cast("list[str]", value))
    return value in match.any_of
