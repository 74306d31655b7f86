"""The record: rows in SQL, one module for each noun. The caller owns the transaction."""
