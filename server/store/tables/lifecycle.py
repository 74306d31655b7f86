"""What the background did to memories and when: ticks that were claimed, and consolidations that can be undone."""

import sqlalchemy as sa

from server.store.db import UtcDateTime
from server.store.tables import metadata

# Whoever inserts a tick does its work; of several processes one can.
ticks = sa.Table(
    "ticks",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("due_at", UtcDateTime, primary_key=True),
    sa.Column("claimed_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    # How many workspaces were worked through, in how many it failed, and what the first failure was.
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
    # How many memories were active, and how many of them were merged, or would have been.
    sa.Column("active", sa.Integer, nullable=False),
    sa.Column("sources", sa.Integer, nullable=False),
    sa.Index("ix_consolidation_runs_workspace_id_id", "workspace_id", "id"),
)

consolidations = sa.Table(
    "consolidations",
    metadata,
    # The merged memory; its sources are those whose `consolidated_into` it is.
    sa.Column("memory_id", sa.String(36), sa.ForeignKey("memories.id"), primary_key=True),
    sa.Column("run_id", sa.String(36), sa.ForeignKey("consolidation_runs.id"), nullable=False, index=True),
    # The revision at which it was made: a later one in the journal says that it was changed since.
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("source_ids", sa.JSON, nullable=False),
    # ai, template, agent
    sa.Column("method", sa.String(20), nullable=False),
    # The text of the template, if another text is stored.
    sa.Column("template_summary", sa.Text),
    sa.Column("undone_at", UtcDateTime),
)
