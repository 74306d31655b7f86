"""indexes of the few links that say that two memories contradict each other"""

import sqlalchemy as sa
from alembic import op


revision = '0041'
down_revision = '0040'
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("lower(label) IN ('contradicts', 'contradicted_by', 'contradicted by')")
    for name, column in (('ix_links_contradicting', 'from_id'), ('ix_links_contradicted', 'to_id')):
        op.create_index(name, 'links', [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
