"""The pages of the console: one row each."""

from starlette.routing import Route

from auth.pages.page import with_refusal_page
from server.web.console import memories_page, memory_page, recall_page

_FORMS = ["GET", "POST"]


def make_routes() -> list[Route]:
    """Return the routes of the pages."""
    return [
        Route(memories_page.PATH, with_refusal_page(memories_page.serve_memories_page), methods=_FORMS),
        Route(memory_page.PATH, with_refusal_page(memory_page.serve_memory_page), methods=_FORMS),
        Route(recall_page.PATH, with_refusal_page(recall_page.serve_recall_page), methods=["GET"]),
    ]
