"""Tokens that the server issues, and the keys that sign and seal."""
