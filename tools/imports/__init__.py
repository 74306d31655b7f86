"""Imports of memories from files of this and of other programs, their undoing, and the export of a workspace."""
