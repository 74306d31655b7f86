"""Events that are sent to a webhook of whoever runs the server."""
