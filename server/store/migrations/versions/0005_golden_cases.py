"""golden cases"""

import sqlalchemy as sa
from alembic import op
import server.store.utc_datetime


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('golden_cases',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('memory_id', sa.String(length=36), nullable=True),
    sa.Column('text', sa.Text(), nullable=True),
    sa.Column('expect', sa.String(length=20), nullable=False),
    sa.Column('within', sa.Integer(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('created_at', server.store.utc_datetime.UtcDateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=36), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_golden_cases_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_golden_cases'))
    )
    with op.batch_alter_table('golden_cases', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_golden_cases_workspace_id'), ['workspace_id'], unique=False)

    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.add_column(sa.Column('result', sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
