"""Entities of a workspace: reading its memories for them, and the names that are remembered."""
