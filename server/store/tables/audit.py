"""The audit: one row for each call, in one chain for each account, and the end of each chain."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

# No reference to another table: an entry outlives the key, the workspace and the person that it names.
audit_entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("account_id", sa.String(36), primary_key=True),
    # The place in the account's chain: 1 for the first entry, and one more for each.
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(36), nullable=False),
    sa.Column("credential_id", sa.String(36), nullable=False),
    sa.Column("client_id", sa.String(512)),
    # api_key, oauth, issuer, browser, command
    sa.Column("via", sa.String(10), nullable=False),
    # rest, mcp, console, oauth, command
    sa.Column("door", sa.String(10), nullable=False),
    sa.Column("workspace_id", sa.String(36)),
    sa.Column("operation", sa.String(60), nullable=False),
    # read, create, update, delete
    sa.Column("effect", sa.String(10), nullable=False),
    # ok, the code of the refusal, error, abandoned
    sa.Column("outcome", sa.String(30), nullable=False),
    sa.Column("count", sa.Integer),
    # SHA-256, in hex, of the hash before it and this row.
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_audit_entries_account_id_at", "account_id", "at"),
)

# The newest entry of each chain, and the newest one that is not kept any more.
audit_chains = sa.Table(
    "audit_chains",
    metadata,
    sa.Column("account_id", sa.String(36), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("deleted_number", sa.BigInteger, nullable=False),
    sa.Column("deleted_hash", sa.String(64), nullable=False),
)
