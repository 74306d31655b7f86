"""Memories that are proposed to the workspace of a team. A proposal has no text: the memory itself is read."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    # The workspace that the memory is proposed to.
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
    sa.Column("source_workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("memory_id", sa.String(36), nullable=False),
    # The ids of the memories there that it may replace, or that say nearly the same, when it was proposed.
    sa.Column("against", sa.JSON, nullable=False),
    sa.Column("proposed_by", sa.String(36), nullable=False),
    sa.Column("proposed_at", UtcDateTime, nullable=False),
    # What was decided, and by whom; null: nothing yet.
    sa.Column("decision", sa.String(20)),
    sa.Column("decided_by", sa.String(36)),
    sa.Column("decided_at", UtcDateTime),
    # The memory that came of it.
    sa.Column("stored_id", sa.String(36)),
    sa.Index(
        "uq_proposals_workspace_id_memory_id_open",
        "workspace_id",
        "memory_id",
        unique=True,
        sqlite_where=sa.text("decision IS NULL"),
        postgresql_where=sa.text("decision IS NULL"),
    ),
)
