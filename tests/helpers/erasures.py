"""Texts that are erased, and a look for their words in the files of a data folder, read raw."""

from server.store.record.erasure.tombstones import Tombstones

#: The tombstones of a server with some secret.
TOMBSTONES = Tombstones("a secret of more than thirty-two bytes")
WORD = "unmistakablesecretword"
SECRET = f"Ann keeps the {WORD} under the blue stone."
OTHERS = ("Bob waters the garden on Fridays.", "The heron comes to the pond at noon.")


def find_files_with(folder, text=WORD):
    """Return the names of the files in a folder that contain a text."""
    return [path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def request_json(person, method, path, status=200, **how):
    """Return the JSON that a person gets; another status than the expected one is an AssertionError."""
    answer = await person.http.request(method, path, **how)
    assert answer.status_code == status, answer.text
    return answer.json()


async def erase_memory(person, memory_id):
    """Erase a memory, and return the answer."""
    return await request_json(person, "DELETE", f"/v1/memories/{memory_id}?erase=true")
