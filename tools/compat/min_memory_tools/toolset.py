"""The list of min-memory's tools, in its order."""

from tools.compat.min_memory_tools import changes, entities, memories, places, recall, sessions

OPERATIONS = (
    recall.SEARCH,
    memories.FETCH,
    memories.STORE,
    recall.RETRIEVE,
    *places.OPERATIONS,
    changes.LINK,
    *entities.OPERATIONS,
    *changes.DELETION,
    changes.UPDATE,
    sessions.SYNC,
    entities.REGISTER,
    places.PURGE,
)
