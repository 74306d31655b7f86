"""The time zone of a call, by which its days begin: the argument's, else the user's, else UTC."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from tools.core.arguments import Args
from tools.core.call import AccountCall
from tools.core.fields import ZoneName
from tools.core.services import Services


class InTimeZone(Args):
    """The arguments of an operation for which it matters when days begin."""

    time_zone: ZoneName | None = Field(
        default=None,
        description="The person's time zone, by which days begin: Europe/Berlin. Default: their setting, else UTC.",
    )


async def find_zone(services: Services, call: AccountCall, named: str | None = None) -> tzinfo:
    """Return the time zone of a call; `named` is the argument, if there is one."""
    if named is not None:
        return ZoneInfo(named)
    user = await services.directory.find_user(call.principal.user_id)
    return UTC if user is None or user.time_zone is None else read_kept_zone(user.time_zone)


def read_kept_zone(name: str) -> tzinfo:
    """Return a time zone that was set once; UTC if this machine does not know it any more."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return UTC
