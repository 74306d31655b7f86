"""A text that left the record is in no file of the search store either."""

import pytest

from server.background.upkeep import vacuum_projection
from server.store.projection.placement import name_collection
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

SECRET = "unmistakablesecretword"


def files_with(folder, text):
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_an_erased_text_is_in_no_file_once_the_loop_has_cleaned_up(site, settings):
    ann = await site.add_person()
    kept = await ann.store("the heron stays")
    erased = await ann.store(f"the {SECRET} goes")
    await site.services.projection.flush()
    assert files_with(settings.data_dir, SECRET)
    assert (await ann.http.delete(f"/v1/memories/{erased}?erase=true")).status_code == 200
    await vacuum_projection(site.services)
    assert files_with(settings.data_dir, SECRET) == []
    found = (await ann.http.post("/v1/search", json={"query": "heron"})).json()
    assert [each["id"] for each in found["memories"]] == [kept]


async def test_a_collection_is_cleaned_once_for_what_was_erased(site):
    ann = await site.add_person()
    await ann.http.delete(f"/v1/memories/{await ann.store('gone')}?erase=true")
    await vacuum_projection(site.services)
    workspace = await site.services.directory.find_workspace(ann.account_id, "default")
    built = []
    site.services.projection.forget = built.append
    await vacuum_projection(site.services)
    assert (built, workspace.name) == ([], "default")


async def test_what_was_deleted_before_can_still_be_erased(site, settings):
    ann = await site.add_person()
    memory_id = await ann.store(f"the {SECRET} goes")
    assert (await ann.http.delete(f"/v1/memories/{memory_id}")).status_code == 200
    assert (await ann.http.delete(f"/v1/memories/{memory_id}")).status_code == 404
    again = await ann.http.delete(f"/v1/memories/{memory_id}?erase=true")
    assert (again.status_code, again.json()["erased"]) == (200, True)
    assert (await ann.http.delete(f"/v1/memories/{memory_id}?erase=true")).status_code == 404
    await vacuum_projection(site.services)
    assert files_with(settings.data_dir, SECRET) == []


async def test_collections_that_no_workspace_has_are_dropped_at_the_start(settings, clock):
    async with open_site(settings, clock) as site:
        ann = await site.add_person()
        await ann.store("the heron stays")
        workspace = await site.services.directory.find_workspace(ann.account_id, "default")
        assert workspace is not None
        mine = name_collection(workspace.id, 0, 0).name
    shards = settings.data_dir / "shards"
    orphan = name_collection(workspace.id, 7, 0).name
    (shards / mine).rename(shards / orphan)  # as if it were of a generation that was replaced
    async with open_site(settings, clock) as site:
        assert not (shards / orphan).exists()
        ann = await site.add_person()
        found = (await ann.http.post("/v1/search", json={"query": "heron"})).json()
        assert len(found["memories"]) == 1
        assert (shards / mine).exists()
