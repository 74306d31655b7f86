"""Corrections: of two memories about the same thing that say something else, which one may replace the other."""
