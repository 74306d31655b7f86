"""`connect` and `disconnect`: what connects each client to a server, and its undoing."""
