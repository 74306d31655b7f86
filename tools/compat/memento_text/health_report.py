"""Memento's sentences about the health of a workspace: the lines of the health report."""

from server.memory.models import to_iso
from tools import health
from tools.core.limits.quota import Quota


def describe_health(answer: health.Health) -> str:
    """Return the lines of Memento's health report, with more lines about recall and the quota."""
    head = ["**Memento Health Report**", f"Workspace: {answer.meta.workspace}"]
    parts = (
        head,
        _list_working_memory_lines(answer),
        _list_count_lines(answer),
        _list_recall_lines(answer),
        _list_quota_lines(answer.quota),
    )
    return "\n".join(line for part in parts for line in part)


def _list_working_memory_lines(answer: health.Health) -> list[str]:
    state = answer.working_memory
    changed = "never" if state.last_updated is None else to_iso(state.last_updated)
    lines = ["**Working Memory**", f"  Sections: {state.sections}", f"  Last updated: {changed}"]
    return [*lines, "  Warning: nothing in it has changed for more than 24 hours."] if state.stale else lines


def _list_count_lines(answer: health.Health) -> list[str]:
    counts, skips = answer.memories, answer.skip_list
    detail = f"{counts.active} active, {counts.expired} expired, {counts.consolidated} consolidated"
    return [
        "**Stored Memories**",
        f"  Total: {counts.total} ({detail})",
        "**Skip List**",
        f"  Total: {skips.total} ({skips.active} active, {skips.expired} expired)",
        "**Access Log**",
        f"  Total accesses: {answer.access_log.total}",
    ]


def _list_recall_lines(answer: health.Health) -> list[str]:
    model = answer.embedding_model or "none"
    lines = ["**Recall**", f"  Ranking: {answer.ranking}; embedding model: {model} ({answer.embedding_state})"]
    if answer.vectors is not None:
        lines.append(f"  Vectors: {answer.vectors.filled} of {answer.memories.total} ({answer.vectors.percent:g} %)")
    return [*lines, f"  Search store: {answer.search_store}"]


def _list_quota_lines(quota: Quota) -> list[str]:
    uses = (("Memories", quota.memories), ("Items", quota.items), ("Workspaces", quota.workspaces))
    plan = (quota.plan or "none") + (f" ({quota.notice})" if quota.notice else "")
    limits = ((name, use.current, "unlimited" if use.limit is None else use.limit) for name, use in uses)
    return ["**Quota**", f"  Plan: {plan}", *(f"  {name}: {current} / {limit}" for name, current, limit in limits)]
