"""Entities: the people and things that memories are about, found in texts without a model. Pure functions."""
