"""the runs of imports, and the keys of what they brought"""

import sqlalchemy as sa
from alembic import op

import server.store.utc_datetime


revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('import_runs',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('user_id', sa.String(length=36), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('imported', sa.Integer(), nullable=False),
    sa.Column('skipped', sa.Integer(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.Column('started_at', server.store.utc_datetime.UtcDateTime(), nullable=False),
    sa.Column('ended_at', server.store.utc_datetime.UtcDateTime(), nullable=True),
    sa.Column('undone_at', server.store.utc_datetime.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_import_runs_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_runs'))
    )
    op.create_index('ix_import_runs_workspace_id', 'import_runs', ['workspace_id', 'id'], unique=False)
    op.create_table('import_keys',
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('run_id', sa.String(length=36), nullable=False),
    sa.Column('memory_id', sa.String(length=36), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['import_runs.id'], name=op.f('fk_import_keys_run_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_import_keys_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'digest', name=op.f('pk_import_keys'))
    )
    op.create_index('ix_import_keys_run_id', 'import_keys', ['run_id'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
