"""The authorization endpoint: the request of an app, its consents, and the codes that it gets."""
