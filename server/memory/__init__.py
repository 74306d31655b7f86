"""The rules of memory: pure functions. No I/O, no clock; values in, values out."""
