"""Long work that a command line files and the process that owns the search store does."""

import sqlalchemy as sa

from server.store.db import UtcDateTime
from server.store.tables import metadata

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("work", sa.String(40), nullable=False),
    sa.Column("argument", sa.String(200)),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("total", sa.Integer),
    sa.Column("problem", sa.String(500)),
    # What it found out, until the command line that filed it has taken it.
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("filed_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
)
