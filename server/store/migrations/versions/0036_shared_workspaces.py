"""workspaces that are shared with people and with accounts"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0036'
down_revision = '0035'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('workspace_shares',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('user_id', sa.String(length=36), nullable=True),
    sa.Column('account_id', sa.String(length=36), nullable=True),
    sa.Column('may_write', sa.Boolean(), nullable=False),
    sa.Column('made_by', sa.String(length=36), nullable=False),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_workspace_shares_account_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_workspace_shares_user_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_workspace_shares_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workspace_shares')),
    sa.UniqueConstraint('workspace_id', 'account_id', name=op.f('uq_workspace_shares_workspace_id_account_id')),
    sa.UniqueConstraint('workspace_id', 'user_id', name=op.f('uq_workspace_shares_workspace_id_user_id'))
    )
    op.create_index('ix_workspace_shares_account_id', 'workspace_shares', ['account_id'], unique=False)
    op.create_index('ix_workspace_shares_user_id', 'workspace_shares', ['user_id'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
