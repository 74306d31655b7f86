"""The composition root, in parts: it makes the collaborators of the server from the settings."""
