"""Storing, reading, changing and forgetting memories."""
