"""The tools of the official memory server, by their names and in its words: entities, observations, relations.

An entity is an entity of the workspace, an observation is a memory about it, and a relation is a memory that says it.
"""
