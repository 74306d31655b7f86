"""Merging memories that belong together, and taking that apart again."""
