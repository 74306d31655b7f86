"""The answers in words, for Memento's clients, which show them, and for Memento's tools, which answer with them.

The table `TEXTS` is by operation. Memento's own sentences stay as its clients know and parse them; the operations that
Memento does not have get a sentence of the same kind.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from server.memory.models import to_iso
from server.memory.working import render_document, render_section
from tools import consolidation, health, identity, plans, settings, skip_list, vectors, working_memory, workspaces
from tools.compat import memento_recall
from tools.core.quota import Quota
from tools.memories import operations as memories


def _describe_stored_memory(answer: memories.StoredMemory) -> str:
    tags = f" [{', '.join(answer.memory.tags)}]" if answer.memory.tags else ""
    return f"Stored memory {answer.id} ({answer.memory.type}){tags}"


def _describe_deleted_memory(answer: memories.DeletedMemory) -> str:
    return f"Memory {answer.id} deleted."


def _describe_recalled_memories(answer: memento_recall.RecalledInWords | memento_recall.RecalledMemories) -> str | None:
    """None for the answer that `format=json` asks for: it has its text in a field of its own."""
    if isinstance(answer, memento_recall.RecalledMemories):
        return None
    return memento_recall.join_blocks(answer.memories, answer.query, answer.withheld)


def _describe_consolidation(answer: consolidation.ConsolidationReport) -> str:
    if not answer.merged:
        return "No consolidation candidates found (need 3+ memories sharing tags, or 2 that say nearly the same)."
    verb = "Would consolidate" if answer.dry_run else "Consolidated"
    group, memory = ("group", "memory") if answer.merged == 1 else ("groups", "memories")
    return f"{verb} {answer.merged} {group} from {answer.sources} source memories into {answer.merged} new {memory}."


def _describe_consolidated_group(answer: consolidation.ConsolidatedGroup) -> str:
    sources = ", ".join(answer.source_ids)
    return f"Consolidated {len(answer.source_ids)} memories into {answer.id}. Sources: [{sources}]"


def _describe_undone_consolidation(answer: consolidation.UndoneConsolidation) -> str:
    kept = f" {len(answer.kept)} were left as they are: {answer.kept[0].reason}." if answer.kept else ""
    return f"Brought {len(answer.restored)} memories back and removed {len(answer.removed)} merged ones.{kept}"


def _describe_working_memory(answer: working_memory.WorkingMemory) -> str:
    return render_document(answer.sections, answer.items)


def _describe_section(answer: working_memory.SectionAnswer) -> str:
    return render_section(answer.section)


def _describe_written_section(answer: working_memory.WrittenSection) -> str:
    return f'Updated section "{answer.section.heading}" in working memory.'


def _describe_added_skip(answer: skip_list.AddedSkip) -> str:
    return f'Added to skip list: "{answer.entry.item}" (expires {answer.entry.expires_at})'


def _describe_checked_skip(answer: skip_list.SkipCheck) -> str:
    """The first entry that matches."""
    if not answer.matches:
        return f'Not on skip list. Proceed with "{answer.query}".'
    first = answer.matches[0]
    return f'SKIP: "{first.item}"\nReason: {first.reason}\nExpires: {first.expires_at}'


def _describe_removed_skip(answer: skip_list.RemovedSkip) -> str:
    return f"Skip entry {answer.id} removed."


def _describe_identity(answer: identity.Identity) -> str:
    if answer.crystal is not None:
        return answer.crystal
    return "No identity crystal found. POST /v1/identity/crystallize makes one, PUT /v1/identity keeps your own."


def _describe_stored_crystal(answer: identity.StoredCrystal) -> str:
    return f"Identity crystal {answer.id} stored ({answer.length} chars)."


def _describe_crystallization(answer: identity.CrystallizedIdentity) -> str:
    first = f"Identity crystal {answer.id} auto-generated ({answer.source_count} sources)."
    return f"{first}\nGET /v1/identity shows it; PUT /v1/identity replaces it with one in your own words."


def _describe_identity_history(answer: identity.IdentityHistory) -> str:
    if not answer.snapshots:
        return "No identity snapshots found."
    lines = (
        f"{each.id} — {to_iso(each.created_at)} ({each.length} chars, {each.source_count} sources)"
        for each in answer.snapshots
    )
    return "\n".join([f"Identity crystal history ({len(answer.snapshots)} snapshots):", *lines])


def _describe_created_workspace(answer: workspaces.CreatedWorkspace) -> str:
    verb = "created" if answer.created else "already exists"
    return f'Workspace "{answer.name}" {verb} (id: {answer.id}).'


def _describe_workspace_list(answer: workspaces.WorkspaceList) -> str:
    """The list as JSON text, which Memento's clients parse."""
    inner = ",".join(each.model_dump_json() for each in answer.workspaces)
    return f"[{inner}]"


def _describe_deleted_workspace(answer: workspaces.DeletedWorkspace) -> str:
    return f'Workspace "{answer.name}" deleted.'


def _describe_setting_list(answer: settings.SettingList) -> str:
    """The settings that were set, as JSON text with every value as text, which Memento's clients parse."""
    was_set = [each for each in answer.settings if each.updated_at is not None]
    shown = [{**each.model_dump(mode="json"), "value": _to_setting_text(each.value)} for each in was_set]
    return json.dumps([{key: each[key] for key in settings.Setting.model_fields} for each in shown], ensure_ascii=False)


def _describe_changed_setting(answer: settings.SettingChange) -> str:
    return f'Setting "{answer.key}" set to "{_to_setting_text(answer.value)}".'


def _describe_reset_setting(answer: settings.SettingReset) -> str:
    return f'Setting "{answer.key}" deleted (reverted to default).'


def _to_setting_text(value: Any) -> str:
    """A value as Memento's clients send it: 0.7, 14, german, ["a"]."""
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _describe_backfill(answer: vectors.BackfillReport) -> str:
    if not answer.missing:
        return "Every memory has its vectors."
    have = "memory has" if answer.missing == 1 else "memories have"
    what = "They are filled in in the background" if answer.is_going_on else "They wait for the embedding model"
    return f"{answer.missing} {have} no vectors yet ({answer.percent:g} % have). {what}: {answer.embedding_state}."


def _describe_plan(answer: plans.AccountPlan) -> str:
    which = "the default, " if answer.is_default else ""
    return f"The plan of {answer.user_id} is now {which}{answer.plan or 'none: nothing is limited'}."


def _describe_health(answer: health.Health) -> str:
    """Memento's report, with more lines about recall and the quota."""
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


#: By operation: its answer in words.
TEXTS: Mapping[str, Callable[[Any], str | None]] = {
    "store_memory": _describe_stored_memory,
    "delete_memory": _describe_deleted_memory,
    "recall_by_words": _describe_recalled_memories,
    "consolidate": _describe_consolidation,
    "consolidate_group": _describe_consolidated_group,
    "undo_consolidation": _describe_undone_consolidation,
    "read_working_memory": _describe_working_memory,
    "read_section": _describe_section,
    "update_working_memory": _describe_written_section,
    "add_skip": _describe_added_skip,
    "check_skip": _describe_checked_skip,
    "remove_skip": _describe_removed_skip,
    "read_identity": _describe_identity,
    "update_identity": _describe_stored_crystal,
    "crystallize_identity": _describe_crystallization,
    "identity_history": _describe_identity_history,
    "create_workspace": _describe_created_workspace,
    "list_workspaces": _describe_workspace_list,
    "delete_workspace": _describe_deleted_workspace,
    "get_settings": _describe_setting_list,
    "set_setting": _describe_changed_setting,
    "reset_setting": _describe_reset_setting,
    "backfill_embeddings": _describe_backfill,
    "set_plan": _describe_plan,
    "health": _describe_health,
}
