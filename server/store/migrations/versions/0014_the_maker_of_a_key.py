"""the key that made a key"""

import sqlalchemy as sa
from alembic import op


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('api_keys', sa.Column('made_by', sa.String(length=36), nullable=True))
    op.create_index(op.f('ix_api_keys_made_by'), 'api_keys', ['made_by'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
