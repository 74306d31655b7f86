"""Every table of the record, one module per subject, in one `metadata`. A test compares the migrations with it."""

from importlib import import_module

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def load_all_tables() -> sa.MetaData:
    """Return the metadata with the tables of every subject."""
    for subject in (
        "accounts",
        "audit",
        "capture",
        "entities",
        "erasure",
        "golden",
        "imports",
        "lifecycle",
        "links",
        "memories",
        "oauth",
        "promotion",
        "runs",
        "usage",
        "webhooks",
        "working",
    ):
        import_module(f"{__name__}.{subject}")
    return metadata
