"""OAuth clients: registered, or known by a metadata document."""
