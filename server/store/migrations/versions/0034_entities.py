"""entities, their names, and the memories that name them"""

import sqlalchemy as sa
from alembic import op

import server.store.utc_datetime


revision = '0034'
down_revision = '0033'
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = server.store.utc_datetime.UtcDateTime
    number = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('entities',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('type', sa.String(length=100), nullable=False),
    sa.Column('is_kept', sa.Boolean(), nullable=False),
    sa.Column('memory_count', sa.Integer(), nullable=False),
    sa.Column('about_count', sa.Integer(), nullable=False),
    sa.Column('first_seen', time(), nullable=True),
    sa.Column('last_updated', time(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_entities_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entities'))
    )
    op.create_index('ix_entities_workspace_id_memory_count', 'entities', ['workspace_id', 'memory_count', 'name'], unique=False)
    op.create_table('entity_names',
    sa.Column('id', number, autoincrement=True, nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('entity_id', sa.String(length=36), nullable=False),
    sa.Column('is_given', sa.Boolean(), nullable=False),
    sa.Column('is_kept', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['entity_id'], ['entities.id'], name=op.f('fk_entity_names_entity_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_entity_names_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entity_names'))
    )
    op.create_index('ix_entity_names_entity_id', 'entity_names', ['entity_id'], unique=False)
    op.create_index('ix_entity_names_workspace_id_id', 'entity_names', ['workspace_id', 'id'], unique=False)
    op.create_index('uq_entity_names_workspace_id_key', 'entity_names', ['workspace_id', 'key'], unique=True)
    op.create_table('mentions',
    sa.Column('memory_id', sa.String(length=36), nullable=False),
    sa.Column('name_id', number, nullable=False),
    sa.Column('is_about', sa.Boolean(), nullable=False),
    sa.Column('scope', sa.String(length=20), nullable=False),
    sa.Column('project', sa.String(length=200), nullable=False),
    sa.Column('type', sa.String(length=100), nullable=False),
    sa.Column('expires_at', time(), nullable=True),
    sa.ForeignKeyConstraint(['memory_id'], ['memories.id'], name=op.f('fk_mentions_memory_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['name_id'], ['entity_names.id'], name=op.f('fk_mentions_name_id')),
    sa.PrimaryKeyConstraint('memory_id', 'name_id', name=op.f('pk_mentions')),
    sqlite_with_rowid=False,
    )
    op.create_index('ix_mentions_expires_at', 'mentions', ['expires_at'], unique=False, sqlite_where=sa.text('expires_at IS NOT NULL'), postgresql_where=sa.text('expires_at IS NOT NULL'))
    op.create_index('ix_mentions_name_id', 'mentions', ['name_id', 'project', 'scope', 'memory_id'], unique=False)
    op.create_table('entity_readings',
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('rule', sa.Integer(), nullable=False),
    sa.Column('names_version', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_entity_readings_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', name=op.f('pk_entity_readings'))
    )
    op.create_table('entity_changes',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('entity_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('user_id', sa.String(length=36), nullable=False),
    sa.Column('at', time(), nullable=False),
    sa.Column('undone_at', time(), nullable=True),
    sa.Column('parts', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_entity_changes_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entity_changes'))
    )
    op.create_index('ix_entity_changes_workspace_id_entity_id', 'entity_changes', ['workspace_id', 'entity_id'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
