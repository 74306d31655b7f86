"""The one error type, and the one table from its codes to HTTP.

A mistake of the caller is raised as a `Failure`. Any other exception is an error of ours: it is logged with the
request id, and the caller gets `internal` without any detail.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Literal, NamedTuple

Code = Literal[
    "invalid",
    "malformed",
    "unauthorized",
    "forbidden",
    "insufficient_scope",
    "quota_exceeded",
    "not_found",
    "method_not_allowed",
    "conflict",
    "forgotten",
    "timed_out",
    "too_large",
    "head_too_large",
    "wrong_host",
    "unsupported_media_type",
    "too_many_requests",
    "unavailable",
    "internal",
]

STATUS: dict[Code, HTTPStatus] = {
    "invalid": HTTPStatus.BAD_REQUEST,
    "malformed": HTTPStatus.BAD_REQUEST,
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "insufficient_scope": HTTPStatus.FORBIDDEN,
    "quota_exceeded": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "conflict": HTTPStatus.CONFLICT,
    "forgotten": HTTPStatus.CONFLICT,
    "timed_out": HTTPStatus.REQUEST_TIMEOUT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "head_too_large": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "wrong_host": HTTPStatus.MISDIRECTED_REQUEST,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}


#: How many problems a message tells; `problems` has all of them.
TOLD_PROBLEMS = 5


class Problem(NamedTuple):
    """One thing that is wrong in a request: the argument, with dots to a nested one, and a sentence without a stop."""

    field: str
    message: str


class Failure(Exception):  # noqa: N818 - it is a refusal with a code, and the name says that at each raise
    """A refusal, with a code and a message for the caller.

    Args:
        code: a stable word, a key of `STATUS`, which programs can check.
        message: the mistake and what to send instead, for a person or a model.
        field: the argument that is wrong; dots lead to a nested one.
        retry_after: seconds after which the same request may succeed.
        scopes: the scopes to ask for, with `insufficient_scope`.
        problems: everything that is wrong, if that is more than one thing.
        figures: numbers that programs read by name: `limit` and `current`, with `quota_exceeded`.
        is_monthly: a `quota_exceeded` of what a month allows: it has the status 402, as time or a payment cures it.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        field: str | None = None,
        retry_after: int | None = None,
        scopes: tuple[str, ...] = (),
        problems: Sequence[Problem] = (),
        figures: Mapping[str, int] | None = None,
        is_monthly: bool = False,
    ) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.scopes = scopes
        self.problems = tuple(problems)
        self.figures = dict(figures or {})
        self.is_monthly = is_monthly

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status of this refusal."""
        return HTTPStatus.PAYMENT_REQUIRED if self.is_monthly else STATUS[self.code]

    def to_body(self) -> dict[str, object]:
        """Return the JSON body of the refusal: the code, the message, and the message in Memento's envelope."""
        body: dict[str, object] = {"error": self.code, "message": self.message}
        if self.field is not None:
            body["field"] = self.field
        if self.scopes:
            body["scopes"] = list(self.scopes)
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after
        if self.problems:
            body["problems"] = [each._asdict() for each in self.problems]
        body |= self.figures
        return body | {"content": [{"type": "text", "text": self.message}]}


def make_invalid_failure(problems: Sequence[Problem]) -> Failure:
    """Return the refusal of arguments that have these problems, at least one. Each is told by its place."""
    told = [f"{each.field or 'arguments'}: {each.message}." for each in problems[:TOLD_PROBLEMS]]
    if left := len(problems) - len(told):
        told.append(f"And {left} more problem(s).")
    every = problems if len(problems) > 1 else ()
    return Failure("invalid", " ".join(told), field=problems[0].field or None, problems=every)


def make_internal_failure() -> Failure:
    """Return the refusal for an error of ours. It has no detail."""
    return Failure("internal", "Something went wrong on our side. It was logged; try again, or send the request id.")


def make_full_disk_failure() -> Failure:
    """Return the refusal for a disk without room."""
    message = "The server's disk is full. Nothing can be stored until its operator makes room."
    return Failure("unavailable", message, retry_after=60)


def make_damaged_record_failure() -> Failure:
    """Return the refusal for a record whose file is damaged."""
    message = (
        "The server's database is damaged, so a part of it cannot be read. Its operator can run "
        "`loci doctor`, and restore a backup."
    )
    return Failure("unavailable", message, retry_after=60)


def make_unavailable_failure(store: str) -> Failure:
    """Return the refusal for a store that is down: its name, and when to try again."""
    return Failure("unavailable", f"The {store} is not available right now. Try again in a few seconds.", retry_after=5)
