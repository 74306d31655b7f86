"""The runs of imports, and the keys by which a second run knows what an earlier one brought."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

import_runs = sa.Table(
    "import_runs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("user_id", sa.String(36), nullable=False),
    # The name of the file or folder, without the folders above it.
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("imported", sa.Integer, nullable=False),
    sa.Column("skipped", sa.Integer, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    # Null while it runs, and if it broke off.
    sa.Column("ended_at", UtcDateTime),
    sa.Column("undone_at", UtcDateTime),
    # The last time at which the process that does it said so. If that is long ago, it broke off.
    sa.Column("seen_at", UtcDateTime),
    # What was refused, with the places, and the notices.
    sa.Column("report", sa.JSON(none_as_null=True)),
    sa.Index("ix_import_runs_workspace_id", "workspace_id", "id"),
)

import_keys = sa.Table(
    "import_keys",
    metadata,
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), primary_key=True),
    # SHA-256 of the natural key, in hexadecimal: a natural key may be long, and may be the text itself.
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(36), sa.ForeignKey("import_runs.id"), nullable=False),
    # The memory. It may be deleted: then nothing with this key is imported again. Null, and `note` as well: the run was
    # undone.
    sa.Column("memory_id", sa.String(36)),
    # In place of a memory: the kind of another thing, and its id or its name, as `section:active_work`.
    sa.Column("note", sa.String(220)),
    sa.Index("ix_import_keys_run_id", "run_id"),
)
