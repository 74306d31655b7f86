"""the places of collections"""

import sqlalchemy as sa
from alembic import op


revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('workspaces', sa.Column('layout', sa.String(length=20), nullable=True))
    op.add_column('workspaces', sa.Column('search_store', sa.String(length=20), nullable=True))
    # Each workspace has had a collection of its own. Which kind of store has it is noted when it is opened.
    op.execute("UPDATE workspaces SET layout = 'workspace'")


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
