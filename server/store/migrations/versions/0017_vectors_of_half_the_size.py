"""vectors in numbers of 16 bits instead of 32"""

import numpy as np
import sqlalchemy as sa
from alembic import op


revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

STEP = 500

vectors = sa.table('vectors', sa.column('memory_id'), sa.column('generation'), sa.column('windows', sa.LargeBinary))


def upgrade() -> None:
    connection = op.get_bind()
    key = sa.tuple_(vectors.c.memory_id, vectors.c.generation)
    page = sa.select(vectors).order_by(vectors.c.memory_id, vectors.c.generation).limit(STEP)
    halve = (
        sa.update(vectors)
        .where(vectors.c.memory_id == sa.bindparam('m'), vectors.c.generation == sa.bindparam('g'))
        .values(windows=sa.bindparam('w'))
    )
    rows = connection.execute(page).all()
    while rows:
        halved = [np.frombuffer(row.windows, '<f4').astype('<f2').tobytes() for row in rows]
        connection.execute(halve, [{'m': r.memory_id, 'g': r.generation, 'w': w} for r, w in zip(rows, halved)])
        rows = connection.execute(page.where(key > sa.tuple_(rows[-1].memory_id, rows[-1].generation))).all()


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
