"""Memento's sentences about memories out of a transcript."""

from collections.abc import Sequence

from tools import extraction


def describe_distillation(answer: extraction.DistilledMemories) -> str:
    """List the memories that were stored, or say why there are none."""
    return answer.problem or _list_memories(answer.memories)


def describe_extraction(answer: extraction.ExtractedMemories) -> str:
    """List the memories that were stored, or say why there are none."""
    return answer.error or _list_memories(answer.stored)


def _list_memories(found: Sequence[extraction.FoundMemory]) -> str:
    lines = (f"**{each.id}** ({each.type}) [{', '.join(each.tags)}]\n{each.content}" for each in found)
    return f"Extracted {len(found)} {'memory' if len(found) == 1 else 'memories'}:\n\n" + "\n\n".join(lines)
