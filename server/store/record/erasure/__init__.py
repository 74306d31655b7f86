"""Rows of what was erased: receipts, and the tombstones that keep it from coming back."""
