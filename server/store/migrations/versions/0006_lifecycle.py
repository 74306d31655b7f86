"""links by index, ticks, and consolidations that can be undone"""

import sqlalchemy as sa
from alembic import op
from server.store.utc_datetime import UtcDateTime


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

STEP = 1000


def upgrade() -> None:
    op.create_table('links',
    sa.Column('from_id', sa.String(length=36), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('to_kind', sa.String(length=10), nullable=False),
    sa.Column('to_id', sa.String(length=36), nullable=True),
    sa.Column('path', sa.String(length=1000), nullable=True),
    sa.Column('label', sa.String(length=100), nullable=True),
    sa.ForeignKeyConstraint(['from_id'], ['memories.id'], name=op.f('fk_links_from_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_links_workspace_id')),
    sa.PrimaryKeyConstraint('from_id', 'position', name=op.f('pk_links'))
    )
    op.create_index(op.f('ix_links_to_id'), 'links', ['workspace_id', 'to_id', 'from_id', 'position'], unique=False)
    op.create_table('ticks',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('due_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('claimed_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('finished_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('failed', sa.Integer(), nullable=False),
    sa.Column('problem', sa.String(length=500), nullable=True),
    sa.PrimaryKeyConstraint('name', 'due_at', name=op.f('pk_ticks'))
    )
    op.create_table('consolidation_runs',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('workspace_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('active', sa.Integer(), nullable=False),
    sa.Column('sources', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_consolidation_runs_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consolidation_runs'))
    )
    op.create_index(op.f('ix_consolidation_runs_workspace_id_id'), 'consolidation_runs', ['workspace_id', 'id'], unique=False)
    op.create_table('consolidations',
    sa.Column('memory_id', sa.String(length=36), nullable=False),
    sa.Column('run_id', sa.String(length=36), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('source_ids', sa.JSON(), nullable=False),
    sa.Column('method', sa.String(length=20), nullable=False),
    sa.Column('template_summary', sa.Text(), nullable=True),
    sa.Column('undone_at', UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['memory_id'], ['memories.id'], name=op.f('fk_consolidations_memory_id')),
    sa.ForeignKeyConstraint(['run_id'], ['consolidation_runs.id'], name=op.f('fk_consolidations_run_id')),
    sa.PrimaryKeyConstraint('memory_id', name=op.f('pk_consolidations'))
    )
    op.create_index(op.f('ix_consolidations_run_id'), 'consolidations', ['run_id'], unique=False)
    fill()


def fill() -> None:
    """A row for every link that memories have."""
    connection = op.get_bind()
    memories = sa.table('memories', sa.column('id'), sa.column('workspace_id'), sa.column('linkages', sa.JSON))
    links = sa.table('links', *(sa.column(name) for name in
                     ('from_id', 'position', 'workspace_id', 'to_kind', 'to_id', 'path', 'label')))
    after = ''
    while True:
        query = sa.select(memories).where(memories.c.id > after).order_by(memories.c.id).limit(STEP)
        found = connection.execute(query).all()
        if not found:
            return
        after = found[-1].id
        rows = [
            {'from_id': row.id, 'position': position, 'workspace_id': row.workspace_id, 'to_kind': link['type'],
             'to_id': None if link['type'] == 'file' else link.get('id'), 'path': link.get('path'),
             'label': link.get('label')}
            for row in found for position, link in enumerate(row.linkages or [])
        ]
        if rows:
            connection.execute(sa.insert(links), rows)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
