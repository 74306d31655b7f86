"""the tokens that a language model has cost an account on a day"""

import sqlalchemy as sa
from alembic import op


revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('llm_usage',
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('tokens', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_llm_usage_account_id')),
    sa.PrimaryKeyConstraint('account_id', 'day', name=op.f('pk_llm_usage'))
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
