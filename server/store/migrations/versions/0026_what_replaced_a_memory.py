"""what replaced a memory, and how often it was told

A memory to which another one has a link `supersedes` leaves recall, so its point is removed: it gets a new revision.
"""

import sqlalchemy as sa
from alembic import op

from server.memory.repetition import digest_text


revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None

STEP = 500
LIVE = 'ix_memories_workspace_id_created_at_live'

memories = sa.table(
    'memories',
    *map(sa.column, ('id', 'workspace_id', 'revision', 'position', 'content', 'deleted_at', 'erased_at')),
    *map(sa.column, ('occurred_at', 'created_at', 'superseded_by', 'superseded_at', 'text_digest')),
)
links = sa.table('links', *map(sa.column, ('from_id', 'to_id', 'to_kind', 'label', 'workspace_id')))
workspaces = sa.table('workspaces', *map(sa.column, ('id', 'revision')))


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.add_column('memories', sa.Column('superseded_by', sa.String(length=36), nullable=True))
    op.add_column('memories', sa.Column('superseded_at', time, nullable=True))
    op.add_column('memories', sa.Column('repeats', sa.Integer(), server_default='0', nullable=False))
    op.add_column('memories', sa.Column('repeated_at', time, nullable=True))
    op.add_column('memories', sa.Column('text_digest', sa.String(length=32), nullable=True))
    _fill_digests(op.get_bind())
    _mark_superseded(op.get_bind())
    is_live = sa.text('deleted_at IS NULL')
    op.drop_index(LIVE, table_name='memories')
    op.create_index(
        LIVE,
        'memories',
        ['workspace_id', 'created_at', 'position', 'consolidated', 'superseded_by', 'expires_at', 'deleted_at'],
        sqlite_where=is_live,
        postgresql_where=is_live,
    )
    op.create_index(
        'ix_memories_workspace_id_text_digest',
        'memories',
        ['workspace_id', 'text_digest'],
        sqlite_where=is_live,
        postgresql_where=is_live,
    )


def _fill_digests(connection: sa.Connection) -> None:
    """Note the digest of each text that is not erased."""
    after = ''
    update = sa.update(memories).where(memories.c.id == sa.bindparam('memory')).values(text_digest=sa.bindparam('text'))
    page = sa.select(memories.c.id, memories.c.content).where(memories.c.erased_at.is_(None)).order_by(memories.c.id)
    while rows := connection.execute(page.where(memories.c.id > after).limit(STEP)).all():
        after = rows[-1].id
        connection.execute(update, [{'memory': row.id, 'text': digest_text(row.content)} for row in rows])


def _mark_superseded(connection: sa.Connection) -> None:
    """Mark the memories that others supersede by a link: the newest of these is named, since the earliest happened."""
    later, earlier = memories.alias('later'), memories.alias('earlier')
    happened = sa.func.coalesce(later.c.occurred_at, later.c.created_at)
    since = sa.case((happened < later.c.created_at, happened), else_=later.c.created_at)
    query = (
        sa.select(links.c.workspace_id, links.c.to_id, later.c.id, since.label('since'))
        .join(later, later.c.id == links.c.from_id)
        .join(earlier, earlier.c.id == links.c.to_id)
        .where(links.c.to_kind == 'memory', sa.func.lower(links.c.label) == 'supersedes')
        .where(later.c.deleted_at.is_(None))
        .order_by(later.c.position)
    )
    marks = {}
    for row in connection.execute(query):
        known = marks.get(row.to_id)
        marks[row.to_id] = (row.workspace_id, row.id, row.since if known is None else min(row.since, known[2]))
    for memory_id, (workspace_id, by, at) in marks.items():
        rise = sa.update(workspaces).where(workspaces.c.id == workspace_id)
        connection.execute(rise.values(revision=workspaces.c.revision + 1))
        there = sa.select(workspaces.c.revision).where(workspaces.c.id == workspace_id).scalar_subquery()
        mark = sa.update(memories).where(memories.c.id == memory_id)
        connection.execute(mark.values(superseded_by=by, superseded_at=at, revision=there))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
