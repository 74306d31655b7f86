"""`memory`: the files that Claude Code keeps for itself and for a project, on every machine."""
