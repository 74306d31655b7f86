"""the skip list is among the items, and the lines of two sections are items"""

import sqlalchemy as sa
from alembic import op
from server.ids import new_id
from server.memory.notes.section_lines import LISTED, find_entries, split_subject
from server.store.utc_datetime import UtcDateTime


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('working_items', schema=None) as batch_op:
        batch_op.add_column(sa.Column('expires', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('ends_at', UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('section_line', sa.Text(), nullable=True))
        batch_op.create_index(batch_op.f('ix_working_items_ends_at'), ['ends_at'], unique=False)
        batch_op.create_index('ix_working_items_skip_list', ['workspace_id', 'created_at', 'id'], unique=False,
            sqlite_where=sa.text("category = 'skip_list'"), postgresql_where=sa.text("category = 'skip_list'"))
    connection = op.get_bind()
    time = UtcDateTime(timezone=True)
    items = sa.table('working_items', *(sa.column(name) for name in (
        'id', 'workspace_id', 'category', 'title', 'content', 'status', 'priority', 'expires', 'section_line',
    )), sa.column('tags', sa.JSON()), *(sa.column(name, time) for name in ('ends_at', 'created_at', 'updated_at')))
    entries = sa.table('skip_entries', *(sa.column(name) for name in (
        'id', 'workspace_id', 'item', 'reason', 'expires',
    )), *(sa.column(name, time) for name in ('ends_at', 'created_at')))
    same = {'status': 'active', 'priority': 0, 'tags': []}
    moved = [
        same | {
            'id': row.id, 'workspace_id': row.workspace_id, 'category': 'skip_list', 'title': row.item,
            'content': row.reason, 'expires': row.expires, 'ends_at': row.ends_at, 'section_line': None,
            'created_at': row.created_at, 'updated_at': row.created_at,
        }
        for row in connection.execute(sa.select(*entries.c)).all()
    ]
    sections = sa.table('working_sections', *(sa.column(name) for name in ('workspace_id', 'name', 'content')),
        sa.column('updated_at', time))
    for row in connection.execute(sa.select(*sections.c).where(sections.c.name.in_(LISTED))).all():
        for line in find_entries(row.content):
            title, content = split_subject(line) if row.name == 'skip_list' else (line, '')
            moved.append(same | {
                'id': new_id(row.updated_at), 'workspace_id': row.workspace_id, 'category': LISTED[row.name],
                'title': title, 'content': content, 'expires': None, 'ends_at': None, 'section_line': line,
                'created_at': row.updated_at, 'updated_at': row.updated_at,
            })
    if moved:
        connection.execute(sa.insert(items), moved)
    op.drop_table('skip_entries')


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
