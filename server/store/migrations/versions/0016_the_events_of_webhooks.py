"""the events of webhooks"""

import sqlalchemy as sa
from alembic import op

import server.store.utc_datetime


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('webhook_events',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('type', sa.String(length=40), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('once', sa.String(length=120), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('created_at', server.store.utc_datetime.UtcDateTime(timezone=True), nullable=False),
    sa.Column('due_at', server.store.utc_datetime.UtcDateTime(timezone=True), nullable=False),
    sa.Column('finished_at', server.store.utc_datetime.UtcDateTime(timezone=True), nullable=True),
    sa.Column('problem', sa.String(length=200), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_events')),
    sa.UniqueConstraint('once', name=op.f('uq_webhook_events_once'))
    )
    op.create_index('ix_webhook_events_state_due_at', 'webhook_events', ['state', 'due_at'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
