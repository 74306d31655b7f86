"""Every table of the record, one module per subject, in one `metadata` that the migrations are held against."""

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
    """The metadata with every subject's tables in it."""
    for subject in ("accounts", "golden", "lifecycle", "links", "memories", "oauth", "runs", "working"):
        import_module(f"{__name__}.{subject}")
    return metadata
