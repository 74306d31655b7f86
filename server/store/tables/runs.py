"""Long work: a command files it, and the process that owns the search store does it."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

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
    # The result, until the command that filed the run has taken it.
    sa.Column("result", sa.JSON(none_as_null=True)),
    # The last time at which the process that does the run said so. If that is long ago, another process takes it.
    sa.Column("seen_at", UtcDateTime),
    sa.Column("filed_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
)
