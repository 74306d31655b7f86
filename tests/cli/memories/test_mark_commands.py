"""`loci memory bury`, `unbury`, `pin` and `unpin`: the marks of one memory, over a real server."""

import asyncio

import pytest

from tests.helpers.programs.commands import run_command

pytestmark = pytest.mark.anyio


@pytest.fixture
def mark(site, tmp_path):
    """Runs a command on one memory of a person; the process that ended."""

    async def run(person, verb, memory, *more):
        server = ("--url", site.url, "--key", person.key)
        return await asyncio.to_thread(run_command, "memory", verb, memory, *server, *more, data_dir=tmp_path / "none")

    return run


async def test_a_memory_is_buried_and_pinned_with_the_words_of_the_api(site, mark):
    ann = await site.add_person("ann")
    memory = await ann.store("The kettle is in the attic", workspace="kitchen")
    for verb, said, field, is_set in (
        ("pin", "Pinned", "pinned_at", True),
        ("pin", "It is pinned already.", "pinned_at", True),
        ("unpin", "It is not pinned any more.", "pinned_at", False),
        ("bury", "Buried", "buried_at", True),
        ("unbury", "Recall returns it again.", "buried_at", False),
    ):
        done = await mark(ann, verb, memory, "--workspace", "kitchen")
        assert (done.returncode, said in done.stdout + done.stderr) == (0, True), (verb, done.stderr)
        shown = (await ann.http.get(f"/v1/memories/{memory}?workspace=kitchen")).json()
        assert (shown.get(field) is not None) == is_set, verb


async def test_a_reader_and_a_stranger_mark_nothing_and_are_told_why(site, mark):
    ann, bob = await site.add_person("ann"), await site.add_person("bob")
    reader = await site.add_person("ann", scopes=("memory:read",))
    memory = await ann.store("The kettle is in the attic")
    for person, word in ((reader, "memory:write"), (bob, "Memory not found")):
        refused = await mark(person, "bury", memory)
        assert (refused.returncode, word in " ".join(refused.stderr.split())) == (1, True), refused.stderr
        assert "Traceback" not in refused.stderr
    assert (await ann.http.get(f"/v1/memories/{memory}")).json().get("buried_at") is None
