"""what is buried and pinned

A page of the newest memories is still found in the index alone.
"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None

LIVE = 'ix_memories_workspace_id_created_at_live'


def upgrade() -> None:
    op.add_column('memories', sa.Column('buried_at', UtcDateTime(timezone=True), nullable=True))
    op.add_column('memories', sa.Column('pinned_at', UtcDateTime(timezone=True), nullable=True))
    is_live, is_pinned = sa.text('deleted_at IS NULL'), sa.text('pinned_at IS NOT NULL')
    op.drop_index(LIVE, table_name='memories')
    op.create_index(
        LIVE,
        'memories',
        ['workspace_id', 'created_at', 'position', 'consolidated', 'superseded_by', 'buried_at', 'expires_at', 'deleted_at'],
        sqlite_where=is_live,
        postgresql_where=is_live,
    )
    op.create_index(
        'ix_memories_workspace_id_pinned', 'memories', ['workspace_id'], sqlite_where=is_pinned, postgresql_where=is_pinned
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
