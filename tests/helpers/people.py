"""Teams and shares, made as their people make them: in the console, or with a key for everything."""

from typing import Any, cast

from server.store.record.people.members import put_member
from tests.helpers.doors import call_rest


async def make_team(site, owner, name="team", **roles: Any):
    """Make a team of an owner, whose key may do everything; give each named person a role; return its id.

    `roles` has the roles as names, each with a list of people.
    """
    made = await call_rest(owner, "create_account", {"name": name})
    assert made.error is None, made.text
    async with site.services.db.write() as connection:
        for role, people in roles.items():
            for each in people:
                await put_member(connection, made.body["id"], each.user_id, cast("Any", role), site.services.now())
    return made.body["id"]


async def find_workspace_id(person, address="default"):
    """Return the id of a workspace that a person may use, by its address."""
    listed = (await call_rest(person, "list_workspaces", {})).body["workspaces"]
    return next(each["id"] for each in listed if each["address"] == address)


async def share(owner, receiver, address="default", *, may_write=False):
    """Share a workspace of somebody whose key may do everything; return the ids of the workspace and of the share."""
    workspace = await find_workspace_id(owner, address)
    sent = {"id": workspace, "receiver": receiver, "may_write": may_write}
    made = await call_rest(owner, "share_workspace", sent)
    assert made.error is None, made.text
    return workspace, made.body["id"]
