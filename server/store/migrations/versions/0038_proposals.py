"""memories that are proposed to the workspace of a team"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0038'
down_revision = '0037'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('proposals',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('source_workspace_id', sa.String(length=36), nullable=False),
    sa.Column('memory_id', sa.String(length=36), nullable=False),
    sa.Column('against', sa.JSON(), nullable=False),
    sa.Column('proposed_by', sa.String(length=36), nullable=False),
    sa.Column('proposed_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('decision', sa.String(length=20), nullable=True),
    sa.Column('decided_by', sa.String(length=36), nullable=True),
    sa.Column('decided_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('stored_id', sa.String(length=36), nullable=True),
    sa.ForeignKeyConstraint(['source_workspace_id'], ['workspaces.id'], name=op.f('fk_proposals_source_workspace_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_proposals_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_proposals'))
    )
    op.create_index('ix_proposals_workspace_id', 'proposals', ['workspace_id'], unique=False)
    is_open = sa.text('decision IS NULL')
    op.create_index('uq_proposals_workspace_id_memory_id_open', 'proposals', ['workspace_id', 'memory_id'], unique=True, sqlite_where=is_open, postgresql_where=is_open)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
