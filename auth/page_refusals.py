"""Refusals that a person sees on a page: each has a title that says what is wrong."""

from auth.texts import say
from server.errors import Code, Failure


class TitledFailure(Failure):
    """A `Failure` with the title of its page."""

    def __init__(self, code: Code, title: str, message: str) -> None:
        super().__init__(code, message)
        self.title = title


def make_no_passwords_failure() -> TitledFailure:
    """Return the refusal of a password where people log in at a provider alone."""
    return TitledFailure(
        "forbidden", say("No passwords here"), say("This server takes no passwords. Choose a provider to log in.")
    )
