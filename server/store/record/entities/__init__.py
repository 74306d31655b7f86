"""Rows of entities, of their names, and of the memories that name them."""
