"""Consolidation: merging memories, and the runs that did it."""
