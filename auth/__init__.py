"""Authentication and authorization: the guard in front of the doors, and the OAuth authorization server."""
