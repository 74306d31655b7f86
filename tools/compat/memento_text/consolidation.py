"""Memento's sentences about consolidation."""

from tools.consolidation.merging import ConsolidatedGroup, ConsolidationReport
from tools.consolidation.runs import UndoneConsolidation


def describe_consolidation(answer: ConsolidationReport) -> str:
    """Give the number of merges and of their sources; the same for a dry run."""
    if not answer.merged:
        return "No consolidation candidates found (need 3+ memories sharing tags, or 2 that say nearly the same)."
    verb = "Would consolidate" if answer.dry_run else "Consolidated"
    group, memory = ("group", "memory") if answer.merged == 1 else ("groups", "memories")
    return f"{verb} {answer.merged} {group} from {answer.sources} source memories into {answer.merged} new {memory}."


def describe_consolidated_group(answer: ConsolidatedGroup) -> str:
    """Name the merged memory and its sources."""
    sources = ", ".join(answer.source_ids)
    return f"Consolidated {len(answer.source_ids)} memories into {answer.id}. Sources: [{sources}]"


def describe_undone_consolidation(answer: UndoneConsolidation) -> str:
    """Give the numbers of memories that came back, were removed and were kept."""
    kept = f" {len(answer.kept)} were left as they are: {answer.kept[0].reason}." if answer.kept else ""
    return f"Brought {len(answer.restored)} memories back and removed {len(answer.removed)} merged ones.{kept}"
