"""The golden cases of a workspace: questions with the memories that recall must answer."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

golden_cases = sa.Table(
    "golden_cases",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
    sa.Column("query", sa.Text, nullable=False),
    # The expected memory: the one with this id, or any whose content has this text in it. One of the two is null.
    sa.Column("memory_id", sa.String(36)),
    sa.Column("text", sa.Text),
    sa.Column("expect", sa.String(20), nullable=False),
    sa.Column("within", sa.Integer, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
)
