"""The background: what goes on while the server runs, and when."""
