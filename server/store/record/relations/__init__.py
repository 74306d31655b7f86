"""Rows that tie memories to each other: links, entities, replacements, and what follows what."""
