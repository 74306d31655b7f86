"""What is bad in a file is refused with its place by each door, and nothing of it is half-stored."""

import json

import pytest

from tests.helpers.bad_files import make_bad_files
from tests.helpers.console import log_in, read_csrf
from tests.helpers.doors import call_rest

pytestmark = pytest.mark.anyio


async def import_all(post):
    """Send each bad file; name → (status, imported, refused, the reasons)."""
    seen = {}
    for name, (content, _, _) in make_bad_files().items():
        answer = await post(name, content)
        assert answer.status_code in {200, 201, 400}, (name, answer.text)
        seen[name] = (answer.json().get("imported", 0), json.dumps(answer.json().get("refusals", answer.text)))
    return seen


async def test_each_bad_file_is_told_over_rest_and_on_the_page(site):
    ann = await site.add_person("ann")
    http = await log_in(site, ann)
    token = {"x-csrf-token": await read_csrf(http, "/keys")}

    async def post(name, content):
        return await ann.http.post("/v1/import", params={"workspace": "rest", "filename": name}, content=content)

    async def send(name, content):
        params = {"workspace": "page", "filename": name}
        return await http.post("/import/file", params=params, content=content, headers=token)

    rest, page = await import_all(post), await import_all(send)
    for name, (_, words, count) in make_bad_files().items():
        for imported, told in (rest[name], page[name]):
            assert (imported, words in told) == (count, True), (name, told)
    for workspace in ("rest", "page"):
        found = (await call_rest(ann, "list_memories", {"workspace": workspace, "status": "all"})).body["memories"]
        assert len(found) == sum(count for _, _, count in make_bad_files().values())
        assert all(len(each["entity"] or "") <= 200 for each in found)
        ports = [each for each in found if each["content"].startswith("The port")]
        assert sorted(bool(each.get("superseded_by")) for each in ports) == [False, True], "no circle, one stands"
