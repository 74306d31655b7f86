"""What the product does: one module per subject, typed async functions, one row per operation."""
