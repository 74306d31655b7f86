"""what agents report: sessions, events, jobs and the sources of observations"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('jobs',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('source_id', sa.String(length=36), nullable=False),
    sa.Column('session_id', sa.String(length=36), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('retries', sa.Integer(), nullable=False),
    sa.Column('due_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('claim', sa.String(length=36), nullable=True),
    sa.Column('problem', sa.String(length=200), nullable=True),
    sa.Column('problem_kind', sa.String(length=20), nullable=True),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('updated_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('finished_at', UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_jobs_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_jobs')),
    sa.UniqueConstraint('source_id', name=op.f('uq_jobs_source_id'))
    )
    op.create_index('ix_jobs_due_at_open', 'jobs', ['due_at', 'id'], unique=False, sqlite_where=sa.text("state IN ('queued', 'processing')"), postgresql_where=sa.text("state IN ('queued', 'processing')"))
    op.create_index('ix_jobs_session_id', 'jobs', ['session_id'], unique=False)
    op.create_index('ix_jobs_workspace_id_id', 'jobs', ['workspace_id', 'id'], unique=False)
    op.create_table('project_places',
    sa.Column('account_id', sa.String(length=36), nullable=False),
    sa.Column('place_key', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('place', sa.String(length=1000), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_project_places_account_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_project_places_workspace_id')),
    sa.PrimaryKeyConstraint('account_id', 'place_key', name=op.f('pk_project_places'))
    )
    op.create_index(op.f('ix_project_places_workspace_id'), 'project_places', ['workspace_id'], unique=False)
    op.create_table('sessions',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('session_key', sa.String(length=64), nullable=True),
    sa.Column('external_id', sa.String(length=200), nullable=True),
    sa.Column('content_id', sa.String(length=200), nullable=True),
    sa.Column('agent_id', sa.String(length=200), nullable=True),
    sa.Column('agent_type', sa.String(length=200), nullable=True),
    sa.Column('platform', sa.String(length=100), nullable=True),
    sa.Column('metadata', sa.JSON(), nullable=False),
    sa.Column('user_id', sa.String(length=36), nullable=False),
    sa.Column('credential_id', sa.String(length=36), nullable=False),
    sa.Column('started_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('observed_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('updated_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_sessions_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sessions'))
    )
    op.create_index('ix_sessions_workspace_id_content_id', 'sessions', ['workspace_id', 'content_id'], unique=False)
    op.create_index('uq_sessions_workspace_id_session_key', 'sessions', ['workspace_id', 'session_key'], unique=True)
    op.create_table('events',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('session_id', sa.String(length=36), nullable=True),
    sa.Column('event_key', sa.String(length=64), nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('type', sa.String(length=100), nullable=False),
    sa.Column('platform', sa.String(length=100), nullable=True),
    sa.Column('payload', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('user_id', sa.String(length=36), nullable=False),
    sa.Column('credential_id', sa.String(length=36), nullable=False),
    sa.Column('occurred_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('received_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('erased_at', UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['session_id'], ['sessions.id'], name=op.f('fk_events_session_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_events_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events')),
    sa.UniqueConstraint('event_key', name=op.f('uq_events_event_key'))
    )
    op.create_index('ix_events_received_at', 'events', ['received_at'], unique=False)
    op.create_index('ix_events_session_id_occurred_at', 'events', ['session_id', 'occurred_at', 'id'], unique=False)
    op.create_index('ix_events_workspace_id_id', 'events', ['workspace_id', 'id'], unique=False)
    op.create_table('observation_sources',
    sa.Column('memory_id', sa.String(length=36), nullable=False),
    sa.Column('event_id', sa.String(length=36), nullable=False),
    sa.ForeignKeyConstraint(['memory_id'], ['memories.id'], name=op.f('fk_observation_sources_memory_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('memory_id', 'event_id', name=op.f('pk_observation_sources'))
    )
    op.create_index(op.f('ix_observation_sources_event_id'), 'observation_sources', ['event_id'], unique=False)
    op.create_table('observations',
    sa.Column('memory_id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('observation_key', sa.String(length=64), nullable=False),
    sa.Column('session_id', sa.String(length=36), nullable=True),
    sa.Column('job_id', sa.String(length=36), nullable=False),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['memory_id'], ['memories.id'], name=op.f('fk_observations_memory_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_observations_workspace_id')),
    sa.PrimaryKeyConstraint('memory_id', name=op.f('pk_observations')),
    sa.UniqueConstraint('workspace_id', 'observation_key', name=op.f('uq_observations_workspace_id_observation_key'))
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
