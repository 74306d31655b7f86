"""Memento's sentences about working memory."""

from server.memory.notes.working import render_document, render_section
from tools.notes import working_memory


def describe_working_memory(answer: working_memory.WorkingMemory) -> str:
    """Render working memory as one document."""
    return render_document(answer.sections, answer.items)


def describe_section(answer: working_memory.SectionAnswer) -> str:
    """Render one section of working memory."""
    return render_section(answer.section)


def describe_written_section(answer: working_memory.WrittenSection) -> str:
    """Name the section that was written."""
    return f'Updated section "{answer.section.heading}" in working memory.'
