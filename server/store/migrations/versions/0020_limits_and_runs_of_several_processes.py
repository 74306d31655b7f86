"""limits and runs of several processes"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('rate_buckets',
    sa.Column('credential_id', sa.String(length=36), nullable=False),
    sa.Column('remaining', sa.Float(), nullable=False),
    sa.Column('at', UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('credential_id', name=op.f('pk_rate_buckets'))
    )
    op.add_column('runs', sa.Column('seen_at', UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
