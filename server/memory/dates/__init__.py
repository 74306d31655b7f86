"""Dates that a text names."""
