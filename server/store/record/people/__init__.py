"""Rows of accounts and their users: keys, plans, browser sessions, sign-up links and attempts."""
