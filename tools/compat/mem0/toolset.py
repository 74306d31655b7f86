"""The list of mem0's tools, in its order."""

from tools.compat.mem0 import changing, reading

OPERATIONS = (
    changing.ADD,
    reading.SEARCH,
    reading.LIST,
    reading.LIST_ENTITIES,
    reading.GET,
    changing.UPDATE,
    *changing.DELETION,
)
