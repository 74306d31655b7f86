"""the people as issuers know them"""

import sqlalchemy as sa
from alembic import op

from server.store.utc_datetime import UtcDateTime


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('external_subjects',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('issuer', sa.String(length=512), nullable=False),
    sa.Column('subject', sa.String(length=255), nullable=False),
    sa.Column('user_id', sa.String(length=36), nullable=False),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_external_subjects_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_external_subjects')),
    sa.UniqueConstraint('issuer', 'subject', name=op.f('uq_external_subjects_issuer_subject'))
    )
    op.create_index(op.f('ix_external_subjects_user_id'), 'external_subjects', ['user_id'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
