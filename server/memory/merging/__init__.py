"""The rules of a night: which memories are one, and the text of a merged one."""
