"""logins at a provider"""

import sqlalchemy as sa
from alembic import op

import server.store.utc_datetime


revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('upstream_logins',
    sa.Column('state_hash', sa.String(length=64), nullable=False),
    sa.Column('sealed', sa.Text(), nullable=False),
    sa.Column('expires_at', server.store.utc_datetime.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('state_hash', name=op.f('pk_upstream_logins'))
    )
    op.create_index(op.f('ix_upstream_logins_expires_at'), 'upstream_logins', ['expires_at'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
