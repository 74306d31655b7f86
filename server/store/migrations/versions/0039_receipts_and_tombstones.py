"""what was erased: receipts, and the tombstones that keep it from coming back"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0039'
down_revision = '0038'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('erasure_receipts',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=True),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('erased_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('user_id', sa.String(length=36), nullable=False),
    sa.Column('credential_id', sa.String(length=36), nullable=False),
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('memory_ids', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_erasure_receipts'))
    )
    op.create_index('ix_erasure_receipts_account_id_id', 'erasure_receipts', ['account_id', 'id'])
    op.create_table('tombstones',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('receipt_id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('made_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('lifted_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('lifted_by', sa.String(length=36), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tombstones'))
    )
    op.create_index(op.f('ix_tombstones_receipt_id'), 'tombstones', ['receipt_id'])
    op.create_index('ix_tombstones_workspace_id_digest', 'tombstones', ['workspace_id', 'digest'])


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
