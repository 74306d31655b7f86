"""Working memory, the skip list among its items, and the identity crystals of a workspace."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

working_sections = sa.Table(
    "working_sections",
    metadata,
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), primary_key=True),
    # In lower case, so that a section is found in any case. Longer than a name, as some letters become two.
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("heading", sa.String(100), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

working_items = sa.Table(
    "working_items",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("category", sa.String(20), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("next_action", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    # For an entry of the skip list that was added as one: the text that is shown as its end. If it is a time, the time
    # itself is in ends_at.
    sa.Column("expires", sa.Text),
    sa.Column("ends_at", UtcDateTime, index=True),
    # The line of a section that this is: see `server.memory.notes.section_lines`.
    sa.Column("section_line", sa.Text),
    # Items are shown in the reverse order of this index.
    sa.Index("ix_working_items_shown", "workspace_id", "priority", "created_at", "id"),
    # The skip list is read for every message.
    sa.Index(
        "ix_working_items_skip_list",
        "workspace_id",
        "created_at",
        "id",
        sqlite_where=sa.text("category = 'skip_list'"),
        postgresql_where=sa.text("category = 'skip_list'"),
    ),
)

identity_crystals = sa.Table(
    "identity_crystals",
    metadata,
    # Rises with every crystal, so that two crystals of one millisecond have an order.
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("crystal", sa.Text, nullable=False),
    sa.Column("source_count", sa.Integer, nullable=False),
    # Whether Loci composed it of quotes; otherwise somebody wrote it.
    sa.Column("is_composed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index("ix_identity_crystals_workspace_id_number", "workspace_id", "number"),
)
