"""The list of the official memory server's tools, in its order."""

from tools.compat.knowledge_graph import changing, reading

OPERATIONS = (*changing.OPERATIONS, *reading.OPERATIONS)
