"""The citation of a memory in an answer: a title, and the address of a page that shows it."""

MEMORY_PATH = "/memories"
TITLE = 80


def make_title(content: str) -> str:
    """Return the first line of a text, cut to at most 80 characters."""
    first = content.strip().splitlines()[0]
    return first if len(first) <= TITLE else f"{first[: TITLE - 1]}…"


def make_url(public_url: str, memory_id: str) -> str:
    """Return the address of the memory's page: a person who may see the memory can open it in a browser."""
    return f"{public_url}{MEMORY_PATH}/{memory_id}"
