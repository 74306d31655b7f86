"""What is worth keeping of a session: from its events to observations, without a model."""
