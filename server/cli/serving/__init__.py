"""The commands that run the server or a worker, and the ones that make it a service."""
