"""Rows as recall and the lists by date read them, and the repeats of what is stored."""
