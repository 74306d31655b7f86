"""Other systems' words for our operations."""
