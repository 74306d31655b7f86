"""whether Loci composed a crystal"""

import sqlalchemy as sa
from alembic import op


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('identity_crystals', schema=None) as batch_op:
        batch_op.add_column(sa.Column('is_composed', sa.Boolean(), nullable=False, server_default=sa.false()))
    # Nothing else begins and ends like this, unless somebody has sent a composed crystal back.
    crystals = sa.table('identity_crystals', sa.column('crystal', sa.Text()), sa.column('is_composed', sa.Boolean()))
    composed = crystals.c.crystal.like('# Identity Crystal%Generated: %---%Sources: %consolidations')
    op.execute(sa.update(crystals).where(composed).values(is_composed=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
