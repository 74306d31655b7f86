"""The token endpoint and its grants, and the end of a grant."""
