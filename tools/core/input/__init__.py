"""The input of an operation: the reading of it, credentials in it, and the words of its refusals."""
