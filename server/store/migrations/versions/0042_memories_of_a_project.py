"""indexes that find the memories of a project along the time, also if it has few or none"""

import sqlalchemy as sa
from alembic import op


revision = '0042'
down_revision = '0041'
branch_labels = None
depends_on = None

IN_PROJECT = "deleted_at IS NULL AND project IS NOT NULL"


def upgrade() -> None:
    for column, where in (('created_at', IN_PROJECT), ('occurred_at', f'{IN_PROJECT} AND occurred_at IS NOT NULL')):
        op.create_index(
            f'ix_memories_workspace_id_project_{column}', 'memories',
            ['workspace_id', 'project', 'consolidated', column, 'position'],
            sqlite_where=sa.text(where), postgresql_where=sa.text(where),
        )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
