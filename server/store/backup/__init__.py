"""Backups: the whole record in one file, and back again into any database."""
