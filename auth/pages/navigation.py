"""The navigation: the pages that the header of each page leads to."""

from auth.texts import Text, say

#: The address and the name of each page, in their order.
PAGES: tuple[tuple[str, Text], ...] = (
    ("/memories", say("Memories")),
    ("/recall-check", say("Recall")),
    ("/notes", say("Notes")),
    ("/nights", say("Nights")),
    ("/import", say("Import")),
    ("/live", say("Live")),
    ("/workspaces", say("Workspaces")),
    ("/people", say("People")),
    ("/apps", say("Apps")),
    ("/keys", say("Keys")),
)
