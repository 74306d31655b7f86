"""The rows of entities: what memories are about, their names, the memories that name them, and changes of them."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

entities = sa.Table(
    "entities",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    # One of its names: the one that is shown.
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("type", sa.String(100), nullable=False),
    # Whether somebody made or changed it: then it stays if no memory names it, and its type does.
    sa.Column("is_kept", sa.Boolean, nullable=False),
    # How many memories name it, and how many are about it: the sums of `mentions`, each memory once.
    sa.Column("memory_count", sa.Integer, nullable=False),
    sa.Column("about_count", sa.Integer, nullable=False),
    sa.Column("first_seen", UtcDateTime),
    sa.Column("last_updated", UtcDateTime),
    # Gives the list in its order, and the number of its rows.
    sa.Index("ix_entities_workspace_id_memory_count", "workspace_id", "memory_count", "name"),
)

entity_names = sa.Table(
    "entity_names",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    # The name in the form in which names are compared.
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("entity_id", sa.String(36), sa.ForeignKey("entities.id"), nullable=False),
    # Whether somebody gave it, by the field of a memory or to the entity: it is looked for in any case of letters.
    sa.Column("is_given", sa.Boolean, nullable=False),
    # Whether it stays if no memory has it.
    sa.Column("is_kept", sa.Boolean, nullable=False),
    # Whether somebody wrote it to the entity. Another one that stays was moved, and goes with a text that is erased.
    sa.Column("is_written", sa.Boolean, nullable=False, server_default=sa.false()),
    # No two entities of a workspace share a name, so no alias leads in a circle.
    sa.Index("uq_entity_names_workspace_id_key", "workspace_id", "key", unique=True),
    sa.Index("ix_entity_names_workspace_id_id", "workspace_id", "id"),
    sa.Index("ix_entity_names_entity_id", "entity_id"),
)

# One row for each name in each memory that is active. The columns of the memory are copies, for filters.
mentions = sa.Table(
    "mentions",
    metadata,
    sa.Column("memory_id", sa.String(36), sa.ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name_id", _NUMBER, sa.ForeignKey("entity_names.id"), primary_key=True),
    # Whether the field of the memory says it, and not only its text.
    sa.Column("is_about", sa.Boolean, nullable=False),
    sa.Column("scope", sa.String(20), nullable=False),
    # "" if the memory belongs to none.
    sa.Column("project", sa.String(200), nullable=False),
    sa.Column("type", sa.String(100), nullable=False),
    sa.Column("expires_at", UtcDateTime),
    # Finds the memories of a name, and the ends of their projects and scopes.
    sa.Index("ix_mentions_name_id", "name_id", "project", "scope", "memory_id"),
    sa.Index(
        "ix_mentions_expires_at",
        "expires_at",
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

# Up to which revision the memories of a workspace were read for entities.
entity_readings = sa.Table(
    "entity_readings",
    metadata,
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    # The number of the rules by which they were read.
    sa.Column("rule", sa.Integer, nullable=False),
    # Rises if names of the workspace are removed or moved: who remembers names reads all of them again.
    sa.Column("names_version", sa.BigInteger, nullable=False),
)

# Merges and splits, with what takes them back. It holds ids and no names.
entity_changes = sa.Table(
    "entity_changes",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("entity_id", sa.String(36), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("user_id", sa.String(36), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("undone_at", UtcDateTime),
    # For a merge: the entities that were merged, each with the ids of its names. For a split: the new entity.
    sa.Column("parts", sa.JSON, nullable=False),
    sa.Index("ix_entity_changes_workspace_id_entity_id", "workspace_id", "entity_id"),
)
