"""Where things are kept: SQL is the record, Qdrant the search, an embedding model makes the vectors."""
