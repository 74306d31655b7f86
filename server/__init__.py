"""The outermost and the innermost layers of Loci; docs/architecture.md has the picture."""

__version__ = "0.1.0"
