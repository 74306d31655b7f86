"""The arithmetic of months, which are of unequal length."""

from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, date
from typing import TypeVar

AnyDate = TypeVar("AnyDate", bound=date)


def add_months(day: AnyDate, months: int) -> AnyDate:
    """Return the same day (and time) some months later, or the last day of that month if it is too short.

    Raises:
        OverflowError: the year is not one of the calendar's, 1 to 9999.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError(f"the calendar has no year {year}")
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
