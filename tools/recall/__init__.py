"""The pipeline of recall."""
