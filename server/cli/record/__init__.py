"""The commands on the whole record: backup, restore, schema."""
