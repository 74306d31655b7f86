"""The stores: SQL is the record, Qdrant is the search store, and an embedding model makes the vectors."""
