"""Cursors: the place where a page of a list ended, in a text that only this server reads."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, TypeAdapter, ValidationError

from server.errors import Failure
from server.storable import refuse_unstorable

Cursor = Annotated[str, StringConstraints(max_length=500)]


def _to_utc(value: datetime) -> datetime:
    """Return a time in UTC. Raises ValueError if there it lies outside the years that a computer counts."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None


#: The types of the values that a place consists of: none that a database cannot compare.
Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Time = Instant | None
Count = Annotated[int, Field(ge=0, lt=2**31)]
RowId = Annotated[str, StringConstraints(max_length=36)]


class _Paged(Protocol):
    cursor: str | None
    offset: int


PagedT = TypeVar("PagedT", bound=_Paged)


def refuse_two_places(args: PagedT) -> PagedT:
    """Return the arguments of a list, which name the place of a page by a cursor or by an offset.

    Raises:
        ValueError: they do both.
    """
    if args.cursor is not None and args.offset:
        raise ValueError("send cursor or offset, not both")
    return args


class Places:
    """The places in one list, in one order.

    Args:
        order: the name of the list and its order, so that no cursor is taken for another list's.
        place: the type of a place: a tuple of `str`, for the order, and the types of the values to sort by.
    """

    def __init__(self, order: str, place: Any) -> None:
        self._order = order
        self._type: TypeAdapter[tuple[Any, ...]] = TypeAdapter(place)

    def encode(self, place: tuple[Any, ...]) -> str:
        """Return the cursor of a place."""
        return base64.urlsafe_b64encode(self._type.dump_json((self._order, *place))).decode().rstrip("=")

    def decode(self, cursor: str | None) -> tuple[Any, ...] | None:
        """Return the place of a cursor; None for None.

        Raises:
            Failure: `invalid` if it is no cursor, or one of another list or order.
        """
        if cursor is None:
            return None
        refusal = Failure(
            "invalid",
            "cursor: is not the next_cursor of this list in this order; leave it out to begin anew.",
            field="cursor",
        )
        try:
            order, *place = self._type.validate_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            refuse_unstorable(place)
        except (ValidationError, ValueError, Failure):
            raise refusal from None
        if order != self._order:
            raise refusal
        return tuple(place)
