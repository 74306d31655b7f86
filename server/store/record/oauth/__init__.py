"""Rows of the authorization server: clients, codes, grants, refresh tokens and signing keys."""
