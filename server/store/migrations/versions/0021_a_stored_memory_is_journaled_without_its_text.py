"""a stored memory is journaled without its text"""

import sqlalchemy as sa
from alembic import op


revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

journal = sa.table('journal', *map(sa.column, ('memory_id', 'before', 'after')))
consolidations = sa.table('consolidations', sa.column('memory_id'))


def upgrade() -> None:
    # The row has it, or the `before` of the next entry. Of a merged memory it is kept: an undo compares it.
    merged = sa.exists().where(consolidations.c.memory_id == journal.c.memory_id)
    stored = (journal.c.memory_id.is_not(None), journal.c.before.is_(None), journal.c.after.is_not(None))
    op.execute(sa.update(journal).where(*stored, ~merged).values(after=sa.null()))
    # Entries of memories are found by the memory, so only the others need the workspace's index.
    op.drop_index('ix_journal_workspace_id_revision', table_name='journal')
    op.create_index(
        'ix_journal_workspace_id_of_things',
        'journal',
        ['workspace_id'],
        sqlite_where=sa.text('memory_id IS NULL'),
        postgresql_where=sa.text('memory_id IS NULL'),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
