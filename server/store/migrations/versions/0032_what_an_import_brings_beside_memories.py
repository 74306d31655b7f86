"""what an import brings beside memories, and its report"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0032'
down_revision = '0031'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('import_keys', sa.Column('note', sa.String(length=220), nullable=True))
    op.add_column('import_runs', sa.Column('seen_at', UtcDateTime(timezone=True), nullable=True))
    op.add_column('import_runs', sa.Column('report', sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
