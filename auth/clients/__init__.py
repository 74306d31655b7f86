"""OAuth clients: those that registered, and those that have a metadata document."""
