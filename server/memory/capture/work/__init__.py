"""What an agent did: its tool calls, changed files, commits, commands that failed and passed, and causes of errors."""
