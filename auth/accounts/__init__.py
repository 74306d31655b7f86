"""Accounts of people: their names and passwords, and the links that make them."""
