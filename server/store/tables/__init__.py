"""Every table of the record, one module per subject, in one `metadata`. A test compares the migrations with it."""

import pkgutil
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
    """Return the metadata with the tables of every subject, whichever modules were imported before."""
    for subject in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{subject.name}")
    return metadata
