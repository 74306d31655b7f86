"""The parts of the table of settings, and the checks of their values."""
