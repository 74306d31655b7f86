"""The links of memories, one row each: a copy of `memories.linkages` that is found from both ends of a link."""

import sqlalchemy as sa

from server.store.tables import metadata

#: Whether a link says that its two ends contradict each other. The indexes below have only such links, so the condition
#: has no parameters, and SQLite sees that it is theirs.
IS_CONTRADICTION = sa.text("lower(label) IN ('contradicts', 'contradicted_by', 'contradicted by')")

links = sa.Table(
    "links",
    metadata,
    sa.Column("from_id", sa.String(36), sa.ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    # The index of the link in the memory's list of links.
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("to_kind", sa.String(10), nullable=False),
    # The id of the memory or item. A file has its path instead, in another column: a path is too long for an index.
    sa.Column("to_id", sa.String(36)),
    sa.Column("path", sa.String(1000)),
    sa.Column("label", sa.String(100)),
    # Finds the links to a memory in order, without reading the thousands of rows of a hub.
    sa.Index("ix_links_to_id", "workspace_id", "to_id", "from_id", "position"),
    # Each recall asks for these few from both ends.
    sa.Index("ix_links_contradicting", "from_id", sqlite_where=IS_CONTRADICTION, postgresql_where=IS_CONTRADICTION),
    sa.Index("ix_links_contradicted", "to_id", sqlite_where=IS_CONTRADICTION, postgresql_where=IS_CONTRADICTION),
)
