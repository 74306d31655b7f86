"""The operations of the product: one module per subject, typed async functions, one row per operation."""
