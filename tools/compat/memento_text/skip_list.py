"""Memento's sentences about the skip list."""

from tools.notes import skip_list


def describe_added_skip(answer: skip_list.AddedSkip) -> str:
    """Name the new entry and its end."""
    return f'Added to skip list: "{answer.entry.item}" (expires {answer.entry.expires_at})'


def describe_checked_skip(answer: skip_list.SkipCheck) -> str:
    """Quote the first entry that matches, or say that none does."""
    if not answer.matches:
        return f'Not on skip list. Proceed with "{answer.query}".'
    first = answer.matches[0]
    return f'SKIP: "{first.item}"\nReason: {first.reason}\nExpires: {first.expires_at}'


def describe_removed_skip(answer: skip_list.RemovedSkip) -> str:
    """Name the removed entry."""
    return f"Skip entry {answer.id} removed."
