"""The statements that reach a database while a test runs."""

from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import event


@contextmanager
def note_statements(part):
    """The statements that hold this text, as they come."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        if part in statement:
            statements.append(statement)

    event.listen(sa.Engine, "before_cursor_execute", note)
    yield statements
    event.remove(sa.Engine, "before_cursor_execute", note)
