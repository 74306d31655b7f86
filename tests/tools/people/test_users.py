"""Shutting somebody out: everything that lets them in ends at once, and what they stored stays."""

import pytest

from tests.helpers.console import log_in
from tests.helpers.doors import call_rest
from tests.helpers.logins.flow import Flow
from tests.helpers.people import make_team, share

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ann(site):
    """The server's administrator."""
    return await site.add_person("ann", ("memory:write", "admin"), is_admin=True)


@pytest.mark.parametrize("name", ["disable_user", "remove_user"])
async def test_sessions_apps_and_keys_end_at_once_and_what_was_stored_stays(site, ann, name):
    ben = await site.add_person("ben")
    await make_team(site, ann, member=[ben])
    await ann.store("Ann's kettle")
    await share(ann, "ben")
    await ben.store("We ship on Mondays", workspace="team/notes")
    http = await log_in(site, ben)
    flow = Flow(http, site.url)
    await flow.register()
    tokens = await flow.tokens()
    app = site.client(tokens["access_token"])
    paths = ("/v1/memories?workspace=team/notes", "/v1/memories?workspace=ann/default")
    doors = [ben.http, app]
    assert {(await each.get(path)).status_code for each in doors for path in paths} == {200}
    assert (await http.get("/memories")).status_code == 200
    assert (await call_rest(ann, name, {"id": ben.user_id})).error is None
    assert {(await each.get(path)).status_code for each in doors for path in paths} == {401}
    assert (await http.get("/memories")).headers["location"].startswith("/login")
    assert (await flow.refresh(tokens["refresh_token"])).status_code == 400
    assert (await flow.log_in("ben")).status_code != 302
    kept = await call_rest(ann, "list_memories", {"workspace": "team/notes", "include": ["stored_by"]})
    assert [each["stored_by"]["user"] for each in kept.body["memories"]] == ["ben"]
    again = await call_rest(ann, "enable_user", {"id": ben.user_id})
    assert again.status == (200 if name == "disable_user" else 409)
    assert (await flow.log_in("ben")).status_code == (302 if name == "disable_user" else 400)
    assert (await ben.http.get(paths[0])).status_code == 401


async def test_only_an_administrator_shuts_out_and_nobody_themselves_or_the_only_owner_of_a_team(site, ann):
    ben = await site.add_person("ben", ("memory:write", "admin"))
    await make_team(site, ben, "crew")
    assert (await call_rest(ben, "list_users", {})).status == 403
    assert (await call_rest(ben, "disable_user", {"id": ann.user_id})).status == 403
    assert (await call_rest(ann, "disable_user", {"id": ann.user_id})).status == 403
    refused = await call_rest(ann, "remove_user", {"id": ben.user_id})
    assert (refused.status, "crew" in refused.text) == (409, True)
    listed = (await call_rest(ann, "list_users", {})).body["users"]
    assert {each["name"]: each["disabled_at"] for each in listed} == {"ann": None, "ben": None}
