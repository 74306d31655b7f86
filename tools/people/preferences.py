"""The preferences of a user, which hold in all of their workspaces and for all of their apps."""

from pydantic import BaseModel, Field

from server.errors import Failure
from tools.core.arguments import Args, NoArgs
from tools.core.call import AccountCall
from tools.core.fields import ZoneName
from tools.core.operation import Effect, Operation
from tools.core.services import Services


class Preferences(BaseModel):
    """The preferences of a user."""

    time_zone: str | None = Field(
        default=None, description="The time zone by which days begin; null if none was set, and then it is UTC."
    )


class SetPreferences(Args):
    """The arguments of `set_preferences`."""

    time_zone: ZoneName = Field(description="A time zone of the IANA database, like Europe/Berlin, or UTC.")


async def get_preferences(services: Services, call: AccountCall, args: NoArgs) -> Preferences:  # noqa: ARG001 - a handler's signature
    """Return the preferences of the caller's user."""
    user = await services.directory.find_user(call.principal.user_id)
    return Preferences(time_zone=None if user is None else user.time_zone)


async def set_preferences(services: Services, call: AccountCall, args: SetPreferences) -> Preferences:
    """Set the time zone of the caller's user. Other processes know it within a second.

    Raises:
        Failure: `forbidden` for a key that is bound to one workspace.
    """
    if call.principal.workspace_id is not None:
        raise Failure("forbidden", "This key is bound to one workspace; it cannot change preferences that hold in all.")
    await services.directory.set_time_zone(call.principal.user_id, args.time_zone)
    return Preferences(time_zone=args.time_zone)


OPERATIONS = (
    Operation(
        name="get_preferences",
        description="Read the person's preferences: the time zone by which 'today' and 'yesterday' are understood.",
        routes=(("GET", "/v1/preferences"),),
        scope="memory:read",
        effect=Effect.READ,
        args=NoArgs,
        returns=Preferences,
        handler=get_preferences,
    ),
    Operation(
        name="set_preferences",
        description=(
            "Set the person's time zone, by which 'today' and 'yesterday' are understood in every workspace. Call it "
            "when the person says where they are, or that dates are off by a day."
        ),
        routes=(("PUT", "/v1/preferences"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=SetPreferences,
        returns=Preferences,
        handler=set_preferences,
    ),
)
