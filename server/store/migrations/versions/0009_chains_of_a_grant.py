"""chains of refresh tokens: several copies of an app share a grant"""

import sqlalchemy as sa
from alembic import op
from server.store.utc_datetime import UtcDateTime


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('oauth_chains',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('grant_id', sa.String(length=36), nullable=False),
    sa.Column('first_address', sa.String(length=64), nullable=True),
    sa.Column('last_address', sa.String(length=64), nullable=True),
    sa.Column('is_from_elsewhere', sa.Boolean(), nullable=False),
    sa.Column('started_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('reused_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('reused_from', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['grant_id'], ['oauth_grants.id'], name=op.f('fk_oauth_chains_grant_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_oauth_chains'))
    )
    op.create_index(op.f('ix_oauth_chains_expires_at'), 'oauth_chains', ['expires_at'], unique=False)
    op.create_index(op.f('ix_oauth_chains_grant_id'), 'oauth_chains', ['grant_id'], unique=False)
    # All the tokens that a grant has now become its first chain, which has the grant's id.
    op.execute(
        "INSERT INTO oauth_chains (id, grant_id, is_from_elsewhere, started_at, last_used_at, expires_at) "
        "SELECT id, id, false, created_at, last_used_at, expires_at FROM oauth_grants"
    )
    with op.batch_alter_table('oauth_refresh_tokens', schema=None) as batch_op:
        batch_op.add_column(sa.Column('chain_id', sa.String(length=36), nullable=True))
    op.execute("UPDATE oauth_refresh_tokens SET chain_id = grant_id")
    with op.batch_alter_table('oauth_refresh_tokens', schema=None) as batch_op:
        batch_op.alter_column('chain_id', existing_type=sa.String(length=36), nullable=False)
        batch_op.create_foreign_key(batch_op.f('fk_oauth_refresh_tokens_chain_id'), 'oauth_chains', ['chain_id'], ['id'], ondelete='CASCADE')
        batch_op.create_index(batch_op.f('ix_oauth_refresh_tokens_chain_id'), ['chain_id'], unique=False)
        batch_op.drop_index(batch_op.f('ix_oauth_refresh_tokens_grant_id'))
        batch_op.drop_index(batch_op.f('ix_oauth_refresh_tokens_parent_hash'))
        batch_op.drop_constraint(batch_op.f('fk_oauth_refresh_tokens_grant_id'), type_='foreignkey')
        batch_op.drop_column('grant_id')
        batch_op.drop_column('parent_hash')


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
