"""The navigation: the groups of pages that the header of each page leads to, and the pages of the group it is in."""

from dataclasses import dataclass

from auth.texts import Text, say

#: The address and the name of a page.
Page = tuple[str, Text]


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together. The header names the group, and leads to the first of them.

    Attributes:
        name: its name.
        pages: its pages, in their order.
        others: the addresses of pages that belong to it and are reached from one of them.
    """

    name: Text
    pages: tuple[Page, ...]
    others: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Whether a path is that of one of its pages, or lies under it."""
        addresses = (*(address for address, _ in self.pages), *self.others)
        return any(path == each or path.startswith(f"{each}/") for each in addresses)


GROUPS: tuple[Group, ...] = (
    Group(
        say("Memory"),
        (
            ("/memories", say("Memories")),
            ("/entities", say("Entities")),
            ("/notes", say("Notes")),
            ("/recall-check", say("Recall")),
            ("/nights", say("Nights")),
            ("/import", say("Import")),
        ),
        ("/timeline", "/graph", "/promotions"),
    ),
    Group(say("Activity"), (("/live", say("Live")), ("/jobs", say("Jobs")), ("/health-check", say("Health")))),
    Group(
        say("Access"),
        (
            ("/apps", say("Apps")),
            ("/keys", say("Keys")),
            ("/people", say("People")),
            ("/workspaces", say("Workspaces")),
        ),
        ("/connection-check", "/users", "/own-login"),
    ),
    Group(say("Govern"), (("/usage", say("Usage")), ("/audit", say("Audit")), ("/erasure", say("Erasure")))),
)
#: The address and the name of each page, in their order.
PAGES: tuple[Page, ...] = tuple(page for group in GROUPS for page in group.pages)


def find_group(path: str) -> Group | None:
    """Return the group of a page by its path; None if the navigation does not lead to it."""
    return next((each for each in GROUPS if each.has(path)), None)
