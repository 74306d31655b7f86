"""the user, the credential and the OAuth client that stored a memory

Of the memories that are there, the first entry of the journal says it.
"""

import sqlalchemy as sa
from alembic import op


revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None

_FIRST = 'SELECT {column} FROM journal WHERE journal.memory_id = memories.id ORDER BY journal.id LIMIT 1'


def upgrade() -> None:
    op.add_column('memories', sa.Column('user_id', sa.String(length=36), nullable=True))
    op.add_column('memories', sa.Column('credential_id', sa.String(length=36), nullable=True))
    op.add_column('memories', sa.Column('client_id', sa.String(length=512), nullable=True))
    user, credential = _FIRST.format(column='user_id'), _FIRST.format(column='credential_id')
    op.execute(f'UPDATE memories SET user_id = ({user}), credential_id = ({credential})')
    client = 'SELECT client_id FROM oauth_grants WHERE oauth_grants.id = memories.credential_id'
    op.execute(f'UPDATE memories SET client_id = ({client})')


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
