"""The events that are sent to a webhook: each row is written in the transaction of its cause."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

webhook_events = sa.Table(
    "webhook_events",
    metadata,
    # The `webhook-id`: the same in every attempt.
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("type", sa.String(40), nullable=False),
    # The body, as it is signed and sent.
    sa.Column("payload", sa.Text, nullable=False),
    # Of the events with the same text here only the first is kept; null: the event may come as often as it happens.
    sa.Column("once", sa.String(120), unique=True),
    # waiting, delivered, failed
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # The time of the next attempt; during an attempt the time at which another process may make it.
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("problem", sa.String(200)),
    sa.Index("ix_webhook_events_state_due_at", "state", "due_at"),
)
