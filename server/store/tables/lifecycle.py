"""The claimed ticks of the background work, and the consolidations that can be undone."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

# The process that inserts a tick does its work. Only one process can insert it.
ticks = sa.Table(
    "ticks",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("due_at", UtcDateTime, primary_key=True),
    sa.Column("claimed_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    # The number of workspaces done, the number of those in which the work failed, and the first failure.
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("problem", sa.String(500)),
)

consolidation_runs = sa.Table(
    "consolidation_runs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    # auto, nightly, group
    sa.Column("kind", sa.String(20), nullable=False),
    # done, stopped
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    # The number of active memories, and the number of those that were merged, or would have been.
    sa.Column("active", sa.Integer, nullable=False),
    sa.Column("sources", sa.Integer, nullable=False),
    sa.Index("ix_consolidation_runs_workspace_id_id", "workspace_id", "id"),
)

consolidations = sa.Table(
    "consolidations",
    metadata,
    # The merged memory. Its sources have its id in `consolidated_into`.
    sa.Column("memory_id", sa.String(36), sa.ForeignKey("memories.id"), primary_key=True),
    sa.Column("run_id", sa.String(36), sa.ForeignKey("consolidation_runs.id"), nullable=False, index=True),
    # The revision of the merge. If the journal has a later one for this memory, the memory was changed since.
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("source_ids", sa.JSON, nullable=False),
    # ai, template, agent
    sa.Column("method", sa.String(20), nullable=False),
    # The text of the template, if another text is stored.
    sa.Column("template_summary", sa.Text),
    sa.Column("undone_at", UtcDateTime),
)
