"""Refusals that a person sees on a page: each has a title that says what is wrong."""

from server.errors import Code, Failure


class TitledFailure(Failure):
    """A `Failure` with the title of its page."""

    def __init__(self, code: Code, title: str, message: str) -> None:
        super().__init__(code, message)
        self.title = title
