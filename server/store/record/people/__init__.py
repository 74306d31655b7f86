"""Rows of accounts, their users, their keys, their plans and their logins."""
