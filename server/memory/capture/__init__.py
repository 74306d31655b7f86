"""The observations that are worth keeping of the events of a session, found without a model."""
