"""The rate limits that several processes share."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

rate_buckets = sa.Table(
    "rate_buckets",
    metadata,
    sa.Column("credential_id", sa.String(36), primary_key=True),
    # The calls that were left at that time. A debt is below zero.
    sa.Column("remaining", sa.Float, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
