"""The answers in words: one function for each operation."""

from collections.abc import Callable, Mapping
from typing import Any

from tools.compat.memento_text import (
    administration,
    consolidation,
    extraction,
    health_report,
    identity,
    memories,
    settings,
    skip_list,
    working_memory,
    workspaces,
)

#: By operation: its answer in words.
TEXTS: Mapping[str, Callable[[Any], str | None]] = {
    "store_memory": memories.describe_stored_memory,
    "delete_memory": memories.describe_deleted_memory,
    "distill": extraction.describe_distillation,
    "recall_by_words": memories.describe_recalled_memories,
    "consolidate": consolidation.describe_consolidation,
    "consolidate_group": consolidation.describe_consolidated_group,
    "undo_consolidation": consolidation.describe_undone_consolidation,
    "read_working_memory": working_memory.describe_working_memory,
    "read_section": working_memory.describe_section,
    "update_working_memory": working_memory.describe_written_section,
    "add_skip": skip_list.describe_added_skip,
    "check_skip": skip_list.describe_checked_skip,
    "remove_skip": skip_list.describe_removed_skip,
    "read_identity": identity.describe_identity,
    "update_identity": identity.describe_stored_crystal,
    "crystallize_identity": identity.describe_crystallization,
    "identity_history": identity.describe_identity_history,
    "create_workspace": workspaces.describe_created_workspace,
    "list_workspaces": workspaces.describe_workspace_list,
    "delete_workspace": workspaces.describe_deleted_workspace,
    "get_settings": settings.describe_setting_list,
    "set_setting": settings.describe_changed_setting,
    "reset_setting": settings.describe_reset_setting,
    "backfill_embeddings": administration.describe_backfill,
    "set_plan": administration.describe_plan,
    "health": health_report.describe_health,
}
