"""Rows of background work: its ticks and runs, generations of vectors, and events for webhooks."""
