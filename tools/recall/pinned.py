"""The pinned memories of a workspace: a context begins with them, for every message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.memory.notes.skip import covers_text
from server.memory.recall.packing import Budget, estimate_tokens
from server.store.record.notes import skip_list
from server.store.record.recall.recalled import RecalledMemory, read_pinned_memories
from tools.core.call import Call
from tools.core.services import Services
from tools.memories.arguments import Facets
from tools.recall.answers import MatchedMemory, Omitted, list_skip_reasons


@dataclass(frozen=True, slots=True)
class Pinned:
    """The pinned memories that a context begins with, and the room that they leave."""

    shown: Sequence[MatchedMemory] = ()
    missing: Sequence[Omitted] = ()
    #: None is without a limit.
    tokens_left: int | None = None

    def lead(self, matches: Sequence[MatchedMemory], limit: int) -> list[MatchedMemory]:
        """Return the pinned memories and then the other matches, at most `limit` together.

        A pinned memory that was found as well keeps the scores with which it was found.
        """
        found = {each.id: each for each in matches}
        first = [self._add_scores(each, found[each.id]) if each.id in found else each for each in self.shown]
        ids = {each.id for each in first}
        return [*first, *(each for each in matches if each.id not in ids)][:limit]

    def leave_out_shown(self, omitted: Sequence[Omitted] | None) -> list[Omitted] | None:
        """Return what was left out of the answer, with the pinned memories for which there was no room."""
        ids = {each.id for each in [*self.shown, *self.missing]}
        rest = [each for each in omitted or () if each.id not in ids]
        return [*self.missing, *rest] if self.missing or omitted is not None else None

    @staticmethod
    def _add_scores(memory: MatchedMemory, found: MatchedMemory) -> MatchedMemory:
        scores = {name: getattr(found, name) for name in ("score", "keyword_score", "vector_score", "why", "linkages")}
        return memory.model_copy(update=scores)


async def choose_pinned(
    services: Services,
    call: Call,
    facets: Facets,
    *,
    limit: int,
    max_tokens: int | None,
    is_known: Callable[[RecalledMemory], bool] | None = None,
    has_links: bool = False,
) -> Pinned:
    """Return the pinned memories that pass the filters, the one that was pinned first before the others.

    They get at most half of the `limit` and of the tokens, so that the message has an answer as well. Memories that the
    skip list withholds, or that the caller was told before, are not among them.
    """
    now = services.now()
    found = [
        each
        for each in await read_pinned_memories(services.db, call.id_for_reading)
        if not _has_expired(each, now) and facets.admits(each) and not (is_known is not None and is_known(each))
    ]
    if not found:
        return Pinned(tokens_left=max_tokens)
    entries = await skip_list.list_live_entries(services.db, call.id_for_reading, now)
    is_withheld = call.workspace.settings.skip_enforcement == "withhold"
    budget = Budget(None if max_tokens is None else max_tokens // 2)
    shown: list[MatchedMemory] = []
    missing: list[Omitted] = []
    for each in found:
        against = [entry for entry in entries if covers_text(entry, each.content)]
        if against and is_withheld:
            missing.append(Omitted(id=each.id, reason="skip_list", by=against[0].id))
        elif len(shown) == limit // 2 or not budget.take(each.content):
            missing.append(Omitted(id=each.id, reason="budget"))
        else:
            marks = {"pinned": True, "skipped_by": list_skip_reasons(against) or None}
            links = {} if has_links else {"linkages": None}
            shown.append(MatchedMemory.model_validate(each.__dict__ | marks | links))
    used = sum(estimate_tokens(each.content) for each in shown)
    return Pinned(shown, missing, None if max_tokens is None else max_tokens - used)


def _has_expired(memory: RecalledMemory, now: datetime) -> bool:
    return memory.expires_at is not None and memory.expires_at <= now
