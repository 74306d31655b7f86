"""Memento's sentences about the identity crystal."""

from server.memory.models import to_iso
from tools.notes import identity


def describe_identity(answer: identity.Identity) -> str:
    """Return the crystal itself, or how to make one."""
    if answer.crystal is not None:
        return answer.crystal
    return "No identity crystal found. POST /v1/identity/crystallize makes one, PUT /v1/identity keeps your own."


def describe_stored_crystal(answer: identity.StoredCrystal) -> str:
    """Name the stored crystal and give its length."""
    return f"Identity crystal {answer.id} stored ({answer.length} chars)."


def describe_crystallization(answer: identity.CrystallizedIdentity) -> str:
    """Name the new crystal, and say how to read and replace it."""
    first = f"Identity crystal {answer.id} auto-generated ({answer.source_count} sources)."
    return f"{first}\nGET /v1/identity shows it; PUT /v1/identity replaces it with one in your own words."


def describe_identity_history(answer: identity.IdentityHistory) -> str:
    """List the earlier crystals, one a line."""
    if not answer.snapshots:
        return "No identity snapshots found."
    lines = (
        f"{each.id} — {to_iso(each.created_at)} ({each.length} chars, {each.source_count} sources)"
        for each in answer.snapshots
    )
    return "\n".join([f"Identity crystal history ({len(answer.snapshots)} snapshots):", *lines])
