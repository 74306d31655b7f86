"""The navigation: the pages that the header of each page leads to."""

#: The address and the name of each page, in their order.
PAGES: tuple[tuple[str, str], ...] = (
    ("/memories", "Memories"),
    ("/recall-check", "Recall"),
    ("/notes", "Notes"),
    ("/nights", "Nights"),
    ("/import", "Import"),
    ("/live", "Live"),
    ("/workspaces", "Workspaces"),
    ("/people", "People"),
    ("/apps", "Apps"),
    ("/keys", "Keys"),
)
