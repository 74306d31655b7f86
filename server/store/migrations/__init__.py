"""The record's schema, step by step. A released step is never changed."""

#: The newest step; a test holds it against the folder. Known here so that a start needs no Alembic.
HEAD = "0043"
