"""The token endpoint, its grant types, and the end of a grant."""
