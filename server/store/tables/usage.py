"""The usage of accounts by month, for limits and for billing. Counts alone."""

import sqlalchemy as sa

from server.store.tables import metadata

usage_counts = sa.Table(
    "usage_counts",
    metadata,
    # No reference: counts that wait in memory are written together, and one account that is gone must not stop them.
    sa.Column("account_id", sa.String(36), primary_key=True),
    # The month in UTC, like 2026-11.
    sa.Column("month", sa.String(7), primary_key=True),
    # request, event, observation, tokens
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
)
