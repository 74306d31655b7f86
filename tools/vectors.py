"""Filling in missing vectors: without its vectors a memory is found by its words only."""

from pydantic import BaseModel, Field

from tools.core.arguments import NoArgs
from tools.core.call import AccountCall
from tools.core.operation import Effect, Operation
from tools.core.server_admin import check_server_admin
from tools.core.services import Services


class BackfillReport(BaseModel):
    """The number of memories without vectors, and whether they are being filled in."""

    missing: int = Field(description="Memories of this server that have no vectors of the current model.")
    percent: float = Field(description="The percentage that has its vectors; 100 means all.")
    is_going_on: bool = Field(description="Whether they are being filled in; false if there is no model to do it.")
    embedding_state: str = Field(description="loading, ready, absent or failed; with the reason.")


async def backfill_embeddings(services: Services, call: AccountCall, args: NoArgs) -> BackfillReport:  # noqa: ARG001 - a handler's signature
    """Make the background look for gaps at once, and return the number of gaps.

    The counts are of all workspaces, and a minute old at most. It can be called any number of times.

    Raises:
        Failure: `forbidden` if the caller is no administrator of the server, or has a key that is bound to a workspace.
    """
    async with services.db.read() as connection:
        await check_server_admin(
            connection,
            call.principal,
            "The server's vectors are filled in by its administrator, with a key that is not bound.",
        )
    encoder = services.encoder
    at = encoder.filling.counts or await services.gap_counts.count_vectors(None)
    encoder.filling.note_gaps()
    source = encoder.source
    return BackfillReport(
        missing=at.missing,
        percent=at.percent,
        is_going_on=source.state in {"ready", "loading"},
        embedding_state=f"{source.state}: {source.reason}" if source.reason else source.state,
    )


OPERATIONS = (
    Operation(
        name="backfill_embeddings",
        description=(
            "For the administrator: embed the memories that have no vectors, after an outage or a change of the "
            "embedding model. The server does this in the background anyway; this call looks for such memories at "
            "once and returns their number."
        ),
        routes=(("POST", "/v1/admin/backfill-embeddings"),),
        scope="admin",
        effect=Effect.UPDATE,
        args=NoArgs,
        returns=BackfillReport,
        handler=backfill_embeddings,
    ),
)
