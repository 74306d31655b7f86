"""Capture: what agents report while they work, and the observations that are made of it."""
