"""the form in which the names of users and accounts are compared"""

import sqlalchemy as sa
import structlog
from alembic import op

from server.names import fold_name

log = structlog.get_logger(__name__)

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

LONGEST = 64

accounts = sa.table('accounts', *(sa.column(name) for name in ('id', 'name', 'name_key', 'created_at')))
users = sa.table('users', *(sa.column(name) for name in ('id', 'name', 'name_key', 'account_id', 'default_workspace', 'created_at')))


def upgrade() -> None:
    for table in ('accounts', 'users'):
        op.add_column(table, sa.Column('name_key', sa.String(length=400), nullable=True))
    fold_names(op.get_bind())
    for table in ('accounts', 'users'):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column('name_key', existing_type=sa.String(length=400), nullable=False)
            batch_op.drop_constraint(batch_op.f(f'uq_{table}_name'), type_='unique')
            batch_op.create_unique_constraint(batch_op.f(f'uq_{table}_name_key'), ['name_key'])


def fold_names(connection: sa.Connection) -> None:
    """Give each account and user a folded name. Of several with the same one, the oldest keeps its name.

    The others get a number behind it. A user and the personal account keep one name.
    """
    persons = connection.execute(sa.select(users).order_by(users.c.created_at, users.c.id)).all()
    owners = connection.execute(sa.select(accounts.c.id, accounts.c.name).order_by(accounts.c.created_at, accounts.c.id)).all()
    # In the order of age: the old name, the user (if it is a user's) and the account (if it has that name).
    names_of_accounts = {row.id: row.name for row in owners}
    personal = {row.account_id: row for row in persons if names_of_accounts.get(row.account_id) == row.name}
    holders = [(row.name, personal[row.id].id if row.id in personal else None, row.id) for row in owners]
    holders += [(row.name, row.id, None) for row in persons if personal.get(row.account_id) is not row]
    written = {fold_name(name) for name, _, _ in holders}
    folded = set()
    for before, user_id, account_id in holders:
        tables = [table for table, row_id in (('users', user_id), ('accounts', account_id)) if row_id is not None]
        name = find_free_name(before, tables, written, folded)
        folded.update((table, fold_name(name)) for table in tables)
        if user_id is not None:
            rename(connection, users, user_id, name)
        if account_id is not None:
            rename(connection, accounts, account_id, name)
        if name != before:
            log.warning('account.renamed', account=account_id, user=user_id, before=before, name=name)
            if account_id is not None:
                follow_account(connection, before, name)


def find_free_name(before, tables, written, folded):
    name, number = before, 1
    while any((table, fold_name(name)) in folded for table in tables) or (number > 1 and fold_name(name) in written):
        number += 1
        suffix = f'-{number}'
        name = before[: LONGEST - len(suffix)] + suffix
    return name


def rename(connection, table, row_id, name):
    connection.execute(sa.update(table).where(table.c.id == row_id).values(name=name, name_key=fold_name(name)))


def follow_account(connection, before, name):
    """A default workspace may be named with its account: `account/name`."""
    for row in connection.execute(sa.select(users.c.id, users.c.default_workspace)).all():
        account, slash, workspace = row.default_workspace.partition('/')
        if slash and account == before:
            changed = sa.update(users).where(users.c.id == row.id)
            connection.execute(changed.values(default_workspace=f'{name}/{workspace}'))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the migration")
