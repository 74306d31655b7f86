"""Consolidation: merging memories that belong together, and undoing that."""
