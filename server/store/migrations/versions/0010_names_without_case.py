"""the form in which the names of workspaces are compared"""

import sqlalchemy as sa
import structlog
from alembic import op

from server.names import fold_name

log = structlog.get_logger(__name__)

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

INDEX = 'uq_workspaces_account_id_name_live'
LIVE = sa.text('deleted_at IS NULL')
LONGEST = 100

workspaces = sa.table(
    'workspaces',
    *(sa.column(name) for name in ('id', 'account_id', 'name', 'name_key', 'created_at', 'deleted_at')),
)


def upgrade() -> None:
    op.add_column('workspaces', sa.Column('name_key', sa.String(length=400), nullable=True))
    fold_names(op.get_bind())
    with op.batch_alter_table('workspaces') as batch_op:
        batch_op.drop_index(INDEX)
        batch_op.alter_column('name_key', existing_type=sa.String(length=400), nullable=False)
        batch_op.create_index(
            INDEX, ['account_id', 'name_key'], unique=True, sqlite_where=LIVE, postgresql_where=LIVE
        )


def fold_names(connection: sa.Connection) -> None:
    """Give each workspace its folded name. Of several with the same one, the oldest keeps its name."""
    columns = (workspaces.c.id, workspaces.c.account_id, workspaces.c.name, workspaces.c.deleted_at)
    rows = connection.execute(sa.select(*columns).order_by(workspaces.c.created_at, workspaces.c.id)).all()
    wanted = {(row.account_id, fold_name(row.name)) for row in rows if row.deleted_at is None}
    folded = set()
    for row in rows:
        name = row.name
        if row.deleted_at is None:
            number = 1
            # A number must not make the name of a workspace that comes later.
            while (key := (row.account_id, fold_name(name))) in folded or (number > 1 and key in wanted):
                number += 1
                suffix = f'-{number}'
                name = row.name[: LONGEST - len(suffix)] + suffix
            folded.add(key)
            if name != row.name:
                log.warning('workspace.renamed', workspace=row.id, before=row.name, name=name)
        changed = sa.update(workspaces).where(workspaces.c.id == row.id)
        connection.execute(changed.values(name=name, name_key=fold_name(name)))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
