"""the usage of accounts by month, and the limits of keys"""

import sqlalchemy as sa
from alembic import op


revision = '0033'
down_revision = '0032'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('usage_counts',
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'month', 'kind', name=op.f('pk_usage_counts'))
    )
    op.add_column('api_keys', sa.Column('requests_per_minute', sa.Integer(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
