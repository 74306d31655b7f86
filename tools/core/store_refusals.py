"""The refusals of the store as failures: here each gets its code, the field that is wrong, and its words."""

from collections.abc import Generator
from contextlib import contextmanager

from server.errors import Failure
from server.store.directory import LONGEST_NAME, WorkspaceNameTooLong, WorkspaceNotFound
from server.store.record.erasure.tombstones import Forgotten, Tombstone
from server.store.record.people.plans import Kind, QuotaExceeded, UnknownPlan
from server.store.record.workspaces import UnclearWorkspaceName, WorkspaceGone

_REFUSALS = (
    WorkspaceGone,
    WorkspaceNotFound,
    WorkspaceNameTooLong,
    UnclearWorkspaceName,
    QuotaExceeded,
    UnknownPlan,
    Forgotten,
)
StoreRefusal = (
    WorkspaceGone
    | WorkspaceNotFound
    | WorkspaceNameTooLong
    | UnclearWorkspaceName
    | QuotaExceeded
    | UnknownPlan
    | Forgotten
)

_CURE: dict[Kind, str] = {
    "memories": "Delete memories that nobody needs",
    "items": "Archive or delete items that are done",
    "workspaces": "Use a workspace that is there, or delete one",
}


@contextmanager
def refusals_as_failures() -> Generator[None]:
    """Raise what the store refuses inside the block as a `Failure`. For refusals that several operations can meet."""
    try:
        yield
    except _REFUSALS as refusal:
        raise failure_from_refusal(refusal) from None


def failure_from_refusal(refusal: StoreRefusal) -> Failure:  # noqa: PLR0911 - one for each refusal
    """Return the failure that tells a caller about a refusal of the store."""
    match refusal:
        case WorkspaceGone():
            return Failure("not_found", "This workspace was deleted just now. Send the request again.")
        case WorkspaceNotFound():
            message = f"There is no workspace {refusal.asked!r} that you may use."
            return Failure("not_found", message, field="workspace")
        case WorkspaceNameTooLong():
            size = len(refusal.name)
            message = f"workspace: a name may have at most {LONGEST_NAME} characters; this has {size}."
            return Failure("invalid", message, field="workspace")
        case UnclearWorkspaceName():
            return Failure("invalid", f"workspace: the name {refusal.fault}.", field="workspace")
        case QuotaExceeded():
            return _failure_from_quota(refusal)
        case Forgotten():
            return Failure("forgotten", explain_tombstone(refusal.tombstone))
        case UnknownPlan():
            known = f"there are: {', '.join(refusal.known)}" if refusal.known else "LOCI_PLANS names none"
            return Failure("invalid", f"plan: there is no plan {refusal.plan[:60]!r}; {known}.", field="plan")


def explain_tombstone(tombstone: Tombstone) -> str:
    """Return the sentence that says why something is not stored, and how a person can let it be stored again."""
    return (
        f"Refused: forgotten. This was erased on {tombstone.made_at:%Y-%m-%d} (receipt {tombstone.receipt_id}), and it "
        f"stays forgotten. If it may be remembered again, a person lifts tombstone {tombstone.id} "
        "with `loci erasure lift`, or with a key that has the scope admin."
    )


def _failure_from_quota(refusal: QuotaExceeded) -> Failure:
    kind, limit, current = refusal.kind, refusal.limit, refusal.current
    more = "" if refusal.added == 1 else f", and these are {refusal.added} more"
    return Failure(
        "quota_exceeded",
        f"{kind.capitalize()}: this account has {current} of the {limit} that its plan, {refusal.plan}, allows{more}. "
        f"Nothing was stored. {_CURE[kind]}, or ask the operator of this server for another plan.",
        figures={"limit": limit, "current": current},
    )
