"""An agent's work: tool calls, changed files, commits, commands that failed and passed, and causes of errors."""
