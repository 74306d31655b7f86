"""The values of the pipeline of recall: the request, each workspace's candidates, and the result."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Literal

from pydantic import BaseModel, Field

from server.memory.notes.skip import SkipEntry
from server.memory.recall import gate
from server.memory.recall.question import Question
from server.memory.recall.ranking import Candidate, RankedCandidate
from server.memory.vector import TokenVectors, Vector
from server.store.db import Database
from server.store.record.recall.recalled import RecalledMemory, read_recalled_memories
from server.store.record.relations.current import Past
from server.store.record.workspaces import Workspace
from server.store.search.seam import FoundPoint
from tools.memories.arguments import Facets

CANDIDATES = 40
"""The number of memories that each arm is asked for. More improve nothing (docs/recall.md), and cost each recall."""

PAST_CANDIDATES = 1_000
"""The same for a recall of an earlier time."""

#: How the memories of an answer were ranked: by their words, by words and meaning, or by their age.
RankedBy = Literal["keyword", "hybrid", "recent"]
#: The least share of the best memory's score that another one needs to come along, by the door that is asked. A caller
#: who names the number of memories gets that many. docs/recall.md says on which data these were chosen.
LEAST_SHARES: Mapping[Literal["search", "context", "hook"], float] = {"search": 0.5, "context": 0.65, "hook": 0.7}
#: Why a candidate is not in the answer.
Reason = Literal["expired", "gate", "threshold", "scope", "skip_list", "duplicate", "told", "budget", "rank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallRequest:
    """The question of a recall, and the number of memories to answer."""

    message: str
    facets: Facets = field(default_factory=Facets)
    limit: int = 10
    max_tokens: int | None = None
    #: Whether the memories that are answered count as used.
    counts_as_use: bool = True
    #: Whether the result lists all candidates that were left out, with the reasons.
    is_explained: bool = False
    #: Whether only the words count; no model is asked then.
    is_words_only: bool = False
    #: Whether only candidates that are sure enough to fit are answered; else every one that the words find.
    is_gated: bool = True
    #: Memories whose score is a smaller share of the best one's are not answered.
    least_share: float = 0.0
    #: Where the days of a question begin: "yesterday".
    zone: tzinfo = UTC
    #: Says which memories the caller has already. They count as the others do, and are not answered.
    is_known: Callable[[RecalledMemory], bool] | None = None
    #: Says which memories fulfil the conditions of the query. The others are not answered. None: all do.
    is_admitted: Callable[[RecalledMemory], Awaitable[bool]] | None = None
    #: The number of candidates that each arm is asked for, if `limit` is not larger.
    least_depth: int = CANDIDATES
    #: What is asked for of the past; None: what holds now.
    past: Past | None = None

    @property
    def may_list(self) -> bool:
        """Whether a question about a time alone is answered by a list: not if its very words are to be looked for."""
        return not self.is_words_only and self.is_admitted is None

    @property
    def depth(self) -> int:
        """The number of candidates that each arm is asked for: many for an earlier time, as newer ones come, too."""
        is_earlier = self.past is not None and self.past.as_of is not None
        return max(PAST_CANDIDATES if is_earlier else self.least_depth, self.limit)


@dataclass(frozen=True, slots=True)
class QuestionTokens:
    """The tokens of a message: their vectors (m, token_dims) of a generation, and their weights (m,).

    `rest` are the weights with 0 for the tokens of names; None if there is no name, or nothing else.
    """

    vectors: TokenVectors
    weights: Vector
    generation: int
    rest: Vector | None = None


@dataclass(frozen=True)
class SearchedWorkspace:
    """The candidates that the arms found in one workspace."""

    workspace: Workspace
    #: The message, read in the workspace's language.
    question: Question
    candidates: list[Candidate] = field(default_factory=list[Candidate])
    points: dict[str, FoundPoint] = field(default_factory=dict[str, FoundPoint])
    #: The ids of points that have expired, which are no candidates.
    expired: list[str] = field(default_factory=list[str])
    #: The number of memories in the workspace.
    total: int = 0
    #: Whether the vector arm was asked, too.
    is_hybrid: bool = False
    #: What late interaction needs of the message; None if its tokens have no vectors.
    tokens: QuestionTokens | None = None
    #: The model that made the vectors; None without them.
    model: str | None = None
    #: Whether the message names somebody or something that no memory has.
    has_unknown_name: bool = False
    #: The candidates that have a name of the message; None if it has none, or none that the workspace knows.
    named: frozenset[str] | None = None
    #: Whether many memories have those names.
    has_common_names: bool = False
    #: How much the nearest tokens add to the evidence of the best candidate.
    token_evidence: float = 0.0
    #: Whether the message asks of somebody what is known of others only.
    is_of_another: bool = False
    #: Why the model has no vector of the question, as a sentence, if it cannot read it.
    unread: str | None = None
    #: Each arm's ids, best first.
    keyword_order: list[str] = field(default_factory=list[str])
    vector_order: list[str] = field(default_factory=list[str])

    @property
    def needed_evidence(self) -> float:
        """The evidence that the best candidate needs for an answer. More than 1, which none has: nothing fits."""
        if self.is_of_another:
            return math.inf
        return gate.compute_threshold(self.total, has_unknown_name=self.has_unknown_name) - self.token_evidence


class CandidateMemories:
    """The memories of all candidates, as the record has them. They are read when they are needed: most never are."""

    def __init__(self, db: Database, searched: Sequence[SearchedWorkspace], past: Past | None = None) -> None:
        self._db = db
        self._past = past
        self._homes = {candidate.id: each for each in searched for candidate in each.candidates}
        self._read: dict[str, RecalledMemory | None] = {}

    def get_home(self, memory_id: str) -> SearchedWorkspace:
        """The points of the workspace that the memory is in."""
        return self._homes[memory_id]

    async def read_memories(self, ids: Iterable[str]) -> None:
        """Read those of the memories that were not read yet, with one query for each workspace."""
        wanted: dict[str, list[str]] = {}
        for each in ids:
            if each not in self._read:
                wanted.setdefault(self._homes[each].workspace.id, []).append(each)
        for workspace_id, missing in wanted.items():
            self._read |= dict.fromkeys(missing) | await read_recalled_memories(
                self._db, workspace_id, missing, self._past
            )

    def was_read(self, memory_id: str) -> bool:
        """Whether `get_memory` knows the memory."""
        return memory_id in self._read

    def get_memory(self, memory_id: str) -> RecalledMemory | None:
        """A memory that was read; None if it was deleted or merged since the search store was asked."""
        return self._read[memory_id]


class Cut(BaseModel):
    """The part of a memory's text that an answer contains. All numbers are characters of the whole text."""

    start: int = Field(description="The place of the first character, from 0.")
    end: int = Field(description="The place after the last character.")
    length: int = Field(description="The number of characters of the whole text, which fetch returns.")


@dataclass(frozen=True, slots=True)
class Match:
    """A memory that is answered, with the entries of the skip list that speak against it."""

    ranked: RankedCandidate
    memory: RecalledMemory
    home: SearchedWorkspace
    skipped_by: tuple[SkipEntry, ...]
    #: The part of its text that `memory` has; None if it has all of it.
    cut: Cut | None = None
    #: The newer memory that replaces it, or may do so.
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate that is not answered, and the reason; `by` is the id of the memory or skip entry in its way."""

    id: str
    reason: Reason
    ranked: RankedCandidate | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallResult:
    """The matches of a recall, best first, and what an answer tells about them."""

    matches: list[Match]
    #: The words that were looked for.
    terms: list[str]
    ranked_by: RankedBy
    #: The points of the request's own workspace; None if that does not exist.
    own: SearchedWorkspace | None
    #: The names of the other workspaces that were searched.
    other_workspaces: list[str]
    #: The entries of the skip list that the message touches.
    skip_matches: list[SkipEntry]
    #: The candidates that are not in the answer. Unless the request `is_explained`, these are only the duplicates and
    #: those without room, of the first `limit`.
    left_out: list[LeftOut]
    #: How many more memories the skip list keeps back.
    withheld: int
    notice: str | None

    @property
    def total(self) -> int:
        """The number of memories in the request's own workspace."""
        return 0 if self.own is None else self.own.total
