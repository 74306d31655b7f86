"""the fields that are filled in by what is known, the sessions of connections, and the time zones of users

A list by date reads its rows in the order of an index now.
"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('memories', sa.Column('inferred', sa.JSON(none_as_null=True), nullable=True))
    op.add_column('users', sa.Column('time_zone', sa.String(length=100), nullable=True))
    op.create_table('connection_sessions',
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('connection', sa.String(length=64), nullable=False),
    sa.Column('session', sa.String(length=36), nullable=False),
    sa.Column('stored_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_connection_sessions_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'connection', name=op.f('pk_connection_sessions'))
    )
    dated, undated = sa.text('deleted_at IS NULL AND occurred_at IS NOT NULL'), sa.text('deleted_at IS NULL AND occurred_at IS NULL')
    op.create_index('ix_memories_workspace_id_occurred_at_dated', 'memories', ['workspace_id', 'consolidated', 'occurred_at', 'position'], unique=False, sqlite_where=dated, postgresql_where=dated)
    op.create_index('ix_memories_workspace_id_created_at_undated', 'memories', ['workspace_id', 'consolidated', 'created_at', 'position'], unique=False, sqlite_where=undated, postgresql_where=undated)
    op.create_index('ix_connection_sessions_stored_at', 'connection_sessions', ['stored_at'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
