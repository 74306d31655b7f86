"""Checks that a command and a page share, and the result of one."""
