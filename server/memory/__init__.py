"""How memory works: pure functions. No I/O, no clock; values in, values out."""
