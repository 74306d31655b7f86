"""whether somebody wrote a name to an entity

A name that a merge or a split moved was found in memories, and goes with the last of them that is erased.
"""

import sqlalchemy as sa
from alembic import op


revision = '0040'
down_revision = '0039'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('entity_names', sa.Column('is_written', sa.Boolean(), server_default=sa.false(), nullable=False))
    names = sa.table(
        'entity_names', *(sa.column(name) for name in ('id', 'is_given', 'is_kept', 'is_written'))
    )
    changes = sa.table('entity_changes', sa.column('parts', sa.JSON()))
    connection = op.get_bind()
    connection.execute(
        sa.update(names).where(names.c.is_given.is_(sa.true()), names.c.is_kept.is_(sa.true())).values(is_written=True)
    )
    # Whatever a change moved and was not kept before it stays because of the change alone.
    for (parts,) in connection.execute(sa.select(changes.c.parts)).all():
        for part in parts:
            moved = [each for each in part['names'] if each not in part['kept']]
            for start in range(0, len(moved), 500):
                some = moved[start : start + 500]
                connection.execute(sa.update(names).where(names.c.id.in_(some)).values(is_written=False))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
