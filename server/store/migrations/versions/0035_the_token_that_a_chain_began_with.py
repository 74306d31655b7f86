"""the token that a chain began with"""

import sqlalchemy as sa
from alembic import op


revision = '0035'
down_revision = '0034'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('oauth_chains', sa.Column('started_with', sa.String(length=64), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
