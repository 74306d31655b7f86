"""Memories' links, one row each: what stands in `memories.linkages`, to be found from both ends."""

import sqlalchemy as sa

from server.store.tables import metadata

links = sa.Table(
    "links",
    metadata,
    sa.Column("from_id", sa.String(36), sa.ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    # Which of the memory's links it is.
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("to_kind", sa.String(10), nullable=False),
    # The memory or the item; for a file there is its path. Kept apart, as a path is longer than Postgres can index.
    sa.Column("to_id", sa.String(36)),
    sa.Column("path", sa.String(1000)),
    sa.Column("label", sa.String(100)),
    # Answers "what links to this?" in order, without a look at the rows of a hub's thousands.
    sa.Index("ix_links_to_id", "workspace_id", "to_id", "from_id", "position"),
)
