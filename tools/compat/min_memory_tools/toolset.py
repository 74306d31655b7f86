"""The list of min-memory's tools, in its order."""

from tools.compat.min_memory_tools import entities, memories, places, recall, sessions

OPERATIONS = (
    recall.SEARCH,
    memories.FETCH,
    memories.STORE,
    recall.RETRIEVE,
    *places.OPERATIONS,
    memories.LINK,
    *entities.OPERATIONS,
    *memories.DELETION,
    memories.UPDATE,
    sessions.SYNC,
    entities.REGISTER,
)
