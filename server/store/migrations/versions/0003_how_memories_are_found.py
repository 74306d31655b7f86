"""how memories are found"""

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('workspaces', schema=None) as batch_op:
        batch_op.add_column(sa.Column('key_rule', sa.String(40), nullable=False, server_default='1-english'))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
