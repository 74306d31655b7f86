"""the vectors of a text's tokens

The model's generation becomes another one with them, so they are made in the background while the old vectors serve.
"""

import sqlalchemy as sa
from alembic import op


revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('token_vectors',
    sa.Column('memory_id', sa.String(length=36), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('tokens', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['generation'], ['generations.id'], name=op.f('fk_token_vectors_generation')),
    sa.ForeignKeyConstraint(['memory_id'], ['memories.id'], name=op.f('fk_token_vectors_memory_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('memory_id', 'generation', name=op.f('pk_token_vectors'))
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
