"""The checks of `doctor` that look further than at one store: around the server, and into the record."""
