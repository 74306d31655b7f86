"""The erasures: a receipt for each erasure, and the tombstones that keep it from coming back. No content."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

# No reference to another table: a receipt outlives the workspace, the person and the account that it names.
erasure_receipts = sa.Table(
    "erasure_receipts",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("account_id", sa.String(36), nullable=False),
    sa.Column("workspace_id", sa.String(36)),
    # memory, project, workspace, account
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("erased_at", UtcDateTime, nullable=False),
    sa.Column("user_id", sa.String(36), nullable=False),
    sa.Column("credential_id", sa.String(36), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    # How many rows of each table were erased.
    sa.Column("counts", sa.JSON, nullable=False),
    # The ids of the memories that were erased.
    sa.Column("memory_ids", sa.JSON, nullable=False),
    sa.Index("ix_erasure_receipts_account_id_id", "account_id", "id"),
)

tombstones = sa.Table(
    "tombstones",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("receipt_id", sa.String(36), nullable=False, index=True),
    sa.Column("workspace_id", sa.String(36), nullable=False),
    # text, origin
    sa.Column("kind", sa.String(10), nullable=False),
    # HMAC-SHA256 under a key derived from the server's secret.
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    # When a person let it be remembered again, and who.
    sa.Column("lifted_at", UtcDateTime),
    sa.Column("lifted_by", sa.String(36)),
    sa.Index("ix_tombstones_workspace_id_digest", "workspace_id", "digest"),
)
