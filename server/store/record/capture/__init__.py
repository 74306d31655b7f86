"""Rows of what agents report: projects' places, sessions, events, jobs and observations."""
