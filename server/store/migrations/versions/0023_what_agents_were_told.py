"""what agents were told in a session, the project of a session, and the memories that a session begins with"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None

STANDING = "deleted_at IS NULL AND type IN ('decision', 'instruction', 'preference')"


def upgrade() -> None:
    op.create_table('told_texts',
    sa.Column('session_id', sa.String(length=36), nullable=False),
    sa.Column('source_id', sa.String(length=36), nullable=False),
    sa.Column('fingerprint', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['session_id'], ['sessions.id'], name=op.f('fk_told_texts_session_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('session_id', 'source_id', name=op.f('pk_told_texts'))
    )
    op.create_index(op.f('ix_told_texts_source_id'), 'told_texts', ['source_id'], unique=False)
    op.add_column('sessions', sa.Column('project', sa.String(length=200), nullable=True))
    op.add_column('sessions', sa.Column('place_key', sa.String(length=64), nullable=True))
    op.add_column('sessions', sa.Column('briefed_at', UtcDateTime(timezone=True), nullable=True))
    op.create_index('ix_sessions_workspace_id_place_key_started_at', 'sessions', ['workspace_id', 'place_key', 'started_at'], unique=False)
    op.create_index('ix_memories_workspace_id_created_at_standing', 'memories', ['workspace_id', 'created_at'], unique=False, sqlite_where=sa.text(STANDING), postgresql_where=sa.text(STANDING))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
