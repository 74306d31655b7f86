"""the audit: each call, in a chain for each account"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('audit_entries',
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=36), nullable=False),
    sa.Column('credential_id', sa.String(length=36), nullable=False),
    sa.Column('client_id', sa.String(length=512), nullable=True),
    sa.Column('via', sa.String(length=10), nullable=False),
    sa.Column('door', sa.String(length=10), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=True),
    sa.Column('operation', sa.String(length=60), nullable=False),
    sa.Column('effect', sa.String(length=10), nullable=False),
    sa.Column('outcome', sa.String(length=30), nullable=False),
    sa.Column('count', sa.Integer(), nullable=True),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'number', name=op.f('pk_audit_entries'))
    )
    op.create_index('ix_audit_entries_account_id_at', 'audit_entries', ['account_id', 'at'])
    op.create_table('audit_chains',
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('deleted_number', sa.BigInteger(), nullable=False),
    sa.Column('deleted_hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_audit_chains'))
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
