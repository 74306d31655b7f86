"""the plan of an account"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('accounts', sa.Column('plan', sa.String(length=60), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
