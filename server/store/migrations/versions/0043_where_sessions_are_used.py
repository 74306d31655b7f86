"""where browser sessions are used, the last login of a user, and links that reset a password"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0043'
down_revision = '0042'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('browser_sessions', sa.Column('last_used_at', UtcDateTime(timezone=True), nullable=True))
    op.add_column('browser_sessions', sa.Column('address', sa.String(length=64), nullable=True))
    op.add_column('browser_sessions', sa.Column('user_agent', sa.String(length=300), nullable=True))
    op.add_column('users', sa.Column('last_login_at', UtcDateTime(timezone=True), nullable=True))
    op.create_table('password_resets',
    sa.Column('user_id', sa.String(length=36), nullable=False),
    sa.Column('link_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_password_resets_user_id')),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_password_resets')),
    sa.UniqueConstraint('link_hash', name=op.f('uq_password_resets_link_hash'))
    )
    op.create_index('ix_password_resets_expires_at', 'password_resets', ['expires_at'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
