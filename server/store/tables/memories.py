"""The rows of memories, their vectors, and the journal of the changes."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

#: Whether a memory that is not deleted belongs to a project.
IN_PROJECT = "deleted_at IS NULL AND project IS NOT NULL"
#: As text, because an index of SQLite that has this condition serves no statement with parameters in its place.
IS_STANDING = "deleted_at IS NULL AND type IN ('decision', 'instruction', 'preference')"

memories = sa.Table(
    "memories",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    # The workspace's revision of the last change of this row.
    sa.Column("revision", sa.BigInteger, nullable=False),
    # The workspace's revision when the memory was stored. It gives the order in an ingest, and so in a session.
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("type", sa.String(100), nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("scope", sa.String(20), nullable=False),
    sa.Column("project", sa.String(200)),
    sa.Column("task", sa.String(200)),
    sa.Column("entity", sa.String(200)),
    sa.Column("author", sa.String(200)),
    sa.Column("session", sa.String(200)),
    sa.Column("occurred_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("linkages", sa.JSON, nullable=False),
    sa.Column("relevance", sa.Double, nullable=False),
    sa.Column("access_count", sa.Integer, nullable=False),
    sa.Column("last_accessed_at", UtcDateTime),
    sa.Column("consolidated", sa.Boolean, nullable=False),
    sa.Column("consolidated_into", sa.String(36)),
    # The newest memory that has a link `supersedes` to it, and since when: a copy of what `links` says.
    sa.Column("superseded_by", sa.String(36)),
    sa.Column("superseded_at", UtcDateTime),
    # Since when it is hidden from recall, and since when each context begins with it.
    sa.Column("buried_at", UtcDateTime),
    sa.Column("pinned_at", UtcDateTime),
    # How often it was stored again, and when last.
    sa.Column("repeats", sa.Integer, nullable=False, server_default="0"),
    sa.Column("repeated_at", UtcDateTime),
    # By it a memory with the same text is found; null if the text was erased.
    sa.Column("text_digest", sa.String(32)),
    sa.Column("source", sa.String(200)),
    sa.Column("metadata", sa.JSON, nullable=False),
    # The names, types and sizes of its pictures; null if it has none.
    sa.Column("images", sa.JSON(none_as_null=True)),
    # The names of the fields that were filled in by what is known, and not given; null if there are none.
    sa.Column("inferred", sa.JSON(none_as_null=True)),
    # The user, the credential and the OAuth client that stored it; null if that is not known.
    sa.Column("user_id", sa.String(36)),
    sa.Column("credential_id", sa.String(36)),
    sa.Column("client_id", sa.String(512)),
    sa.Column("deleted_at", UtcDateTime),
    sa.Column("erased_at", UtcDateTime),
    # The projection goes on after the last revision that it read, so no two rows may share a revision.
    sa.Index("uq_memories_workspace_id_revision", "workspace_id", "revision", unique=True),
    # Finds a page of the newest memories, and their number, in the index alone.
    sa.Index(
        "ix_memories_workspace_id_created_at_live",
        "workspace_id",
        "created_at",
        "position",
        "consolidated",
        "superseded_by",
        "buried_at",
        "expires_at",
        "deleted_at",
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
    # These two find what happened in a stretch of time, and the newest: each memory is in one of them. They are two,
    # because an index of an expression cannot be read back from SQLite.
    sa.Index(
        "ix_memories_workspace_id_occurred_at_dated",
        "workspace_id",
        "consolidated",
        "occurred_at",
        "position",
        sqlite_where=sa.text("deleted_at IS NULL AND occurred_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NULL AND occurred_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_memories_workspace_id_created_at_undated",
        "workspace_id",
        "consolidated",
        "created_at",
        "position",
        sqlite_where=sa.text("deleted_at IS NULL AND occurred_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL AND occurred_at IS NULL"),
    ),
    # These two find those of a project in the same way, also if it has few or none.
    sa.Index(
        "ix_memories_workspace_id_project_created_at",
        "workspace_id",
        "project",
        "consolidated",
        "created_at",
        "position",
        sqlite_where=sa.text(IN_PROJECT),
        postgresql_where=sa.text(IN_PROJECT),
    ),
    sa.Index(
        "ix_memories_workspace_id_project_occurred_at",
        "workspace_id",
        "project",
        "consolidated",
        "occurred_at",
        "position",
        sqlite_where=sa.text(f"{IN_PROJECT} AND occurred_at IS NOT NULL"),
        postgresql_where=sa.text(f"{IN_PROJECT} AND occurred_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_memories_deleted_at_due",
        "deleted_at",
        sqlite_where=sa.text("deleted_at IS NOT NULL AND erased_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL AND erased_at IS NULL"),
    ),
    sa.Index(
        "ix_memories_workspace_id_text_digest",
        "workspace_id",
        "text_digest",
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
    # The few that are pinned: each context asks for them.
    sa.Index(
        "ix_memories_workspace_id_pinned",
        "workspace_id",
        sqlite_where=sa.text("pinned_at IS NOT NULL"),
        postgresql_where=sa.text("pinned_at IS NOT NULL"),
    ),
    sa.Index("ix_memories_workspace_id_session_position", "workspace_id", "session", "position"),
    # Memories that hold until they are changed: a session begins with the newest of these.
    sa.Index(
        "ix_memories_workspace_id_created_at_standing",
        "workspace_id",
        "created_at",
        sqlite_where=sa.text(IS_STANDING),
        postgresql_where=sa.text(IS_STANDING),
    ),
)

# The session of each connection that stores without naming one, and when it stored last. A new session begins after a
# pause, so old rows are of no use.
connection_sessions = sa.Table(
    "connection_sessions",
    metadata,
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), primary_key=True),
    # The hash of the credential, the app and the project.
    sa.Column("connection", sa.String(64), primary_key=True),
    sa.Column("session", sa.String(36), nullable=False),
    sa.Column("stored_at", UtcDateTime, nullable=False, index=True),
)

generations = sa.Table(
    "generations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("dims", sa.Integer, nullable=False),
    sa.Column("max_tokens", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("model", "digest", "max_tokens"),
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("memory_id", sa.String(36), sa.ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("generation", sa.Integer, sa.ForeignKey("generations.id"), primary_key=True),
    # All windows of the text, one after the other: n x dims little-endian float16.
    sa.Column("windows", sa.LargeBinary, nullable=False),
)

# Apart from the windows, which are read much more often, and by other statements.
token_vectors = sa.Table(
    "token_vectors",
    metadata,
    sa.Column("memory_id", sa.String(36), sa.ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("generation", sa.Integer, sa.ForeignKey("generations.id"), primary_key=True),
    # The first tokens of the text, one after the other: m x token_dims signed bytes.
    sa.Column("tokens", sa.LargeBinary, nullable=False),
)

images = sa.Table(
    "images",
    metadata,
    sa.Column("memory_id", sa.String(36), sa.ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("filename", sa.String(100), nullable=False),
    sa.Column("mimetype", sa.String(20), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("memory_id", sa.String(36)),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("operation", sa.String(60), nullable=False),
    sa.Column("user_id", sa.String(36), nullable=False),
    sa.Column("credential_id", sa.String(36), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON(none_as_null=True)),
    # Finds the few entries of a workspace that are about other things than memories.
    sa.Index(
        "ix_journal_workspace_id_of_things",
        "workspace_id",
        sqlite_where=sa.text("memory_id IS NULL"),
        postgresql_where=sa.text("memory_id IS NULL"),
    ),
    sa.Index("ix_journal_memory_id", "memory_id"),
)
