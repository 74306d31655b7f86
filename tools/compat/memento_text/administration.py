"""Memento's sentences about vectors and plans."""

from tools import vectors
from tools.people import plans


def describe_backfill(answer: vectors.BackfillReport) -> str:
    """Give the number of memories without vectors, and the state of the embedding model."""
    if not answer.missing:
        return "Every memory has its vectors."
    have = "memory has" if answer.missing == 1 else "memories have"
    what = "They are filled in in the background" if answer.is_going_on else "They wait for the embedding model"
    return f"{answer.missing} {have} no vectors yet ({answer.percent:g} % have). {what}: {answer.embedding_state}."


def describe_plan(answer: plans.AccountPlan) -> str:
    """Name the account's plan."""
    which = "the default, " if answer.is_default else ""
    return f"The plan of {answer.user_id} is now {which}{answer.plan or 'none: nothing is limited'}."
