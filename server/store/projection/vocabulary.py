"""The words of a workspace, for questions with a typing error.

They are read from the record when a question has a word that the workspace lacks: the newest memories first, some more
with each such question, and then only what has changed. A word may be of a memory that was changed or deleted since: so
who takes a word from here must see that the collection has it. They are kept in memory alone, and the workspaces that
were not asked for longest are forgotten.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from server.memory.words.folding import compose, fold
from server.memory.words.spelling import find_meant_word, may_be_meant
from server.store.db import Database
from server.store.tables.memories import memories

PAGE = 1_000
"""The most memories that one question has read in each direction: what is new, and what is older."""
MOST_MEMORIES = 50_000
MOST_WORDS = 50_000  # of a workspace: a set of them is about 5 MB
WORKSPACES = 16
_WORD = re.compile(r"[^\W\d_]{5,41}")


class Vocabulary:
    """The words of one workspace, by their first letter."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._by_letter: dict[str, list[str]] = {}
        self._newest: int | None = None
        self._oldest = 0
        self._read = 0

    def find_meant_word(self, word: str) -> str | None:
        """Return the word that a misspelt one stands for, or None."""
        return find_meant_word(word, self._by_letter.get(word[0], ()))

    async def read_on(self, db: Database, workspace_id: str, revision: int) -> None:
        """Read what is new up to a revision since the last time, and some of what is older."""
        if self._newest is not None and self._newest < revision:
            rows = await _read_page(db, workspace_id, memories.c.revision > self._newest, memories.c.revision)
            self._take(rows)
            # A deletion has a revision and no row.
            self._newest = rows[-1].revision if len(rows) == PAGE else max([revision, *(row.revision for row in rows)])
        if self._read < MOST_MEMORIES and (self._oldest or self._newest is None):
            is_older = memories.c.revision < self._oldest if self._oldest else sa.true()
            rows = await _read_page(db, workspace_id, is_older, memories.c.revision.desc())
            self._take(rows)
            self._newest = max([self._newest or 0, *(row.revision for row in rows)])
            self._oldest = rows[-1].revision if len(rows) == PAGE else 0

    def _take(self, rows: Sequence[sa.Row[int, str]]) -> None:
        self._read += len(rows)
        for row in rows:
            self._add(map(fold, _WORD.findall(compose(row.content))))

    def _add(self, words: Iterable[str]) -> None:
        for word in may_be_meant(words):
            if word not in self._words and len(self._words) < MOST_WORDS:
                self._words.add(word)
                self._by_letter.setdefault(word[0], []).append(word)


class Vocabularies:
    """The vocabularies of the workspaces that had such questions last."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._vocabularies: OrderedDict[str, Vocabulary] = OrderedDict()

    async def find_meant_words(self, workspace_id: str, revision: int, words: Iterable[str]) -> dict[str, str]:
        """Return the words of a workspace that these folded ones probably stand for, by the word that was asked.

        `revision` is the workspace's own, as far as the caller knows: what is newer may be missing.
        """
        vocabulary = self._vocabularies.get(workspace_id, Vocabulary())
        await vocabulary.read_on(self._db, workspace_id, revision)
        self._vocabularies[workspace_id] = vocabulary
        self._vocabularies.move_to_end(workspace_id)
        if len(self._vocabularies) > WORKSPACES:
            self._vocabularies.popitem(last=False)
        return {word: meant for word in words if (meant := vocabulary.find_meant_word(word)) is not None}

    def forget(self) -> None:
        """Forget all words, because some may be of a text that was erased."""
        self._vocabularies.clear()


async def _read_page(
    db: Database, workspace_id: str, condition: sa.ColumnElement[bool], order: sa.ColumnElement[int]
) -> Sequence[sa.Row[int, str]]:
    """Read the first live memories in an order that fulfil a condition, at most a page."""
    query = (
        sa.select(memories.c.revision, memories.c.content)
        .where(memories.c.workspace_id == workspace_id, memories.c.deleted_at.is_(None), condition)
        .order_by(order)
        .limit(PAGE)
    )
    async with db.read() as connection:
        return (await connection.execute(query)).all()
