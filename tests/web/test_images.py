"""The pictures of memories: what is kept, who may look at them, and that they go with their memory."""

import base64
import json

import pytest
import sqlalchemy as sa

from server.background.upkeep import remove_leftovers, vacuum_projection
from server.memory.images import MOST_BYTES, MOST_IMAGES
from server.store.lifecycle.due import erase_due_memories
from server.store.tables.memories import images as table
from server.web import request_body
from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_tool, read_answer, read_shown_text, send_rpc
from tests.helpers.erasures import TOMBSTONES, WORD, find_files_with
from tests.helpers.erasures import erase_memory as erase

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
#: The first bytes of each format, with its ending and its media type.
FORMATS = [
    (PNG, "png", "image/png"),
    (b"\xff\xd8\xff\xe0" + b"\x00" * 20, "jpg", "image/jpeg"),
    (b"GIF89a" + b"\x00" * 20, "gif", "image/gif"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 " + b"\x00" * 20, "webp", "image/webp"),
]


def encode(data, **fields):
    return {"data": base64.b64encode(data).decode(), **fields}


async def store(person, *images, content="A heron", **fields):
    return await person.http.post("/v1/memories", json={"content": content, "images": list(images), **fields})


async def count_rows(site):
    async with site.services.db.read() as connection:
        return (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()


@pytest.mark.parametrize(("data", "ending", "mimetype"), FORMATS)
async def test_a_picture_is_kept_under_a_plain_name_and_comes_back_whole(cat, data, ending, mimetype):
    response = await store(cat, encode(data, filename=f"../my heron.{ending}", mimetype="image/png"))
    body = response.json()
    assert (response.status_code, read_shown_text(response)) == (
        201,
        f"Stored memory {body['id']} (observation) (1 image)",
    )
    (image,) = body["memory"]["images"]
    name = f"my-heron.{ending}"
    assert image == {
        "key": f"default/{body['id']}/{name}",
        "filename": name,
        "mimetype": mimetype,
        "size": len(data),
    }
    assert (await cat.http.get(f"/v1/memories/{body['id']}")).json()["images"] == [image]
    (listed,) = (await cat.http.get("/v1/memories")).json()["memories"]
    assert listed["images"] == [image]
    found = await cat.http.get(f"/v1/images/{image['key']}")
    assert (found.status_code, found.content) == (200, data)
    assert found.headers["content-type"] == mimetype
    assert found.headers["cache-control"] == "private, max-age=3600"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-disposition"] == f'inline; filename="{name}"'
    assert "sandbox" in found.headers["content-security-policy"]


async def test_the_bytes_decide_and_names_differ(cat):
    jpeg = FORMATS[1][0]
    named = (encode(jpeg, filename="a.png"), encode(jpeg, filename="a.jpeg"))
    response = await store(cat, *named, encode(PNG), encode(PNG))
    kept = [(each["filename"], each["mimetype"]) for each in response.json()["memory"]["images"]]
    assert kept == [
        ("a.png.jpg", "image/jpeg"),
        ("a.jpeg", "image/jpeg"),
        ("image.png", "image/png"),
        ("image-2.png", "image/png"),
    ]
    assert read_shown_text(response).endswith(" (4 images)")


@pytest.mark.parametrize(
    ("images", "field", "says"),
    [
        ([encode(PNG)] * 6, "images", "Maximum 5 images"),
        ([{"filename": "a.png"}], "images.0.data", "is required"),
        ([encode(PNG), {"data": ""}], "images.1.data", "Each image requires data"),
        ([encode(PNG), {"data": "no base64!"}], "images.1.data", "is no base64"),
        ([{"data": "QUJ"}], "images.0.data", "is no base64"),
        ([encode(b"<svg/>", mimetype="image/svg+xml")], "images.0.data", "Unsupported image type: image/svg+xml"),
        ([encode(b"hello", mimetype="image/png")], "images.0.data", "Unsupported image type"),
        ([encode(PNG[:8] + b"\x00" * MOST_BYTES)], "images.0.data", "exceeds the 10MB limit"),
        (["a.png"], "images.0", "must be"),
        ([encode(PNG, path="/etc/passwd")], "images.0.path", "no such field"),
    ],
)
async def test_a_picture_that_cannot_be_kept_is_named_by_its_place_and_nothing_is_stored(cat, images, field, says):
    answer = read_answer(await store(cat, *images))
    assert (answer.status, answer.error, answer.body["field"]) == (400, "invalid", field)
    assert says in answer.text
    assert (await cat.http.get("/v1/memories")).json()["total"] == 0


async def test_five_pictures_of_ten_mebibytes_in_lines_are_kept(cat):
    data = PNG[:8] + b"\x00" * (MOST_BYTES - 8)
    lines = base64.encodebytes(data).decode()
    response = await store(cat, *[{"data": lines}] * MOST_IMAGES)
    assert response.status_code == 201, response.text
    images = response.json()["memory"]["images"]
    assert [each["size"] for each in images] == [MOST_BYTES] * MOST_IMAGES
    found = await cat.http.get(f"/v1/images/{images[-1]['key']}")
    assert found.content == data


async def read_images(person, memory_id):
    """Return the names of a memory's pictures with their bytes, in order."""
    images = (await person.http.get(f"/v1/memories/{memory_id}")).json()["images"]
    assert all(each["key"] == f"default/{memory_id}/{each['filename']}" for each in images)
    files = [await person.http.get(f"/v1/images/{each['key']}") for each in images]
    assert {each.status_code for each in files} <= {200}
    return [(image["filename"], file.content) for image, file in zip(images, files, strict=True)]


def draw(mark):
    """Return a picture that has a mark."""
    return PNG + mark.encode()


async def merge(person, ids, **fields):
    response = await person.http.post("/v1/consolidate/group", json={"source_ids": ids, **fields})
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_merged_memory_takes_over_the_first_five_pictures_and_an_undo_brings_all_back(cat):
    marks = [["a1", "a2"], [], ["b1"], ["c1", "c2", "c3"]]
    ids = []
    for n, own in enumerate(marks):
        images = (encode(draw(mark), filename="heron.png") for mark in own)
        ids.append((await store(cat, *images, content=f"Heron {n} at the pond")).json()["id"])
    before = [await read_images(cat, each) for each in ids]
    merged = await merge(cat, ids)
    kept = await read_images(cat, merged["id"])
    assert [data for _, data in kept] == [draw(mark) for mark in ("a1", "a2", "b1", "c1", "c2")]
    assert [name for name, _ in kept] == ["heron.png", "heron-2.png", "heron-3.png", "heron-4.png", "heron-2-2.png"]
    assert [await read_images(cat, each) for each in ids] == before
    assert (await cat.http.post(f"/v1/consolidate/{merged['run']}/undo")).status_code == 200
    assert [await read_images(cat, each) for each in ids] == before
    assert (await cat.http.get(f"/v1/images/default/{merged['id']}/heron.png")).status_code == 404


@pytest.mark.parametrize("words", [{}, {"content": "Herons, in my own words"}])
async def test_pictures_of_an_erased_source_leave_every_memory_that_it_was_merged_into(site, settings, words):
    ann = await site.add_person("ann")
    ids = [
        (await store(ann, encode(draw(mark), filename=f"{mark}.png"), content=f"Heron {mark}")).json()["id"]
        for mark in (WORD, "second", "third")
    ]
    merged = await merge(ann, ids, **words)
    other = (await store(ann, content="A frog")).json()["id"]
    above = await merge(ann, [merged["id"], other])
    assert [name for name, _ in await read_images(ann, above["id"])] == [f"{WORD}.png", "second.png", "third.png"]
    await erase(ann, ids[0])
    for each in (merged, above):
        assert await read_images(ann, each["id"]) == [(f"{mark}.png", draw(mark)) for mark in ("second", "third")]
    assert await count_rows(site) == 2 + 2 + 2
    await remove_leftovers(site.services)
    await vacuum_projection(site.services)
    assert find_files_with(settings.data_dir) == []
    for each in (above, merged):
        assert (await ann.http.post(f"/v1/consolidate/{each['run']}/undo")).status_code == 200
    assert await read_images(ann, ids[1]) == [("second.png", draw("second"))]


async def test_an_update_takes_the_pictures_of_an_answer_back_and_refuses_others(cat):
    stored = (await store(cat, encode(PNG))).json()
    path, images = f"/v1/memories/{stored['id']}", stored["memory"]["images"]
    for method, sent in (("PUT", []), ("PATCH", images), ("PUT", None)):
        changed = await cat.http.request(method, path, json={"content": "A heron again", "images": sent})
        assert changed.json()["images"] == images
        refusal = read_answer(await cat.http.request(method, path, json={"images": [encode(draw("another"))]}))
        assert (refusal.status, refusal.body["field"]) == (400, "images")
        assert refusal.text == "images: is not supported by this server; leave it out."
    assert await read_images(cat, stored["id"]) == [("image.png", PNG)]


async def test_only_a_memory_may_be_large_and_only_a_few_at_once(shared, cat, monkeypatch):
    large = encode(b"\x00" * request_body.MAX_BODY)
    assert (await cat.http.post("/v1/context", json={"message": "x", "images": [large]})).status_code == 413
    assert (await shared.client().post("/v1/memories", json={"content": "x", "images": [large]})).status_code == 401
    headers = {"content-type": "application/json"}
    for body in (b" " * (request_body.MAX_BODY + 1), b'{"images":' + b" " * request_body.MAX_BODY_WITH_PICTURES):
        assert (await cat.http.post("/v1/memories", content=body, headers=headers)).status_code == 413
    assert read_answer(await store(cat, large)).status == 400, "arrives whole, and is no picture"
    digits = f'{{"content": "x", "images": [{json.dumps(large)}], "metadata": {{"n": {"9" * 5000}}}}}'
    assert (
        read_answer(await cat.http.post("/v1/memories", content=digits, headers=headers)).body["field"] == "metadata.n"
    )
    monkeypatch.setattr(request_body.asyncio.Semaphore, "locked", lambda _self: True)
    busy = await store(cat, large)
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "5")


async def test_a_picture_is_private_to_the_workspace(cat, dan):
    key = (await store(cat, encode(PNG), workspace="attic")).json()["memory"]["images"][0]["key"]
    assert key.startswith("attic/")
    assert (await cat.http.get(f"/v1/images/{key}")).status_code == 200
    assert (await dan.http.get(f"/v1/images/{key}")).status_code == 404
    assert (await cat.http.get(f"/v1/images/default/{key.partition('/')[2]}")).status_code == 404
    elsewhere = await cat.http.get(f"/v1/images/{key}", headers={"x-memento-workspace": "default"})
    assert read_answer(elsewhere).status == 403
    for path in (f"attic/{NOBODY}/image.png", key + "x"):
        assert read_answer(await cat.http.get(f"/v1/images/{path}")).status == 404


async def test_recall_and_context_name_the_pictures(cat):
    stored = (await store(cat, encode(PNG), encode(PNG))).json()
    await cat.store("A heron without a picture")
    images = stored["memory"]["images"]
    recalled = (await cat.http.post("/v1/memories/recall", json={"query": "heron"})).json()
    assert {each["id"]: each["images"] for each in recalled["memories"]}[stored["id"]] == images
    assert f'📷 2 images → memento_view_image("{stored["id"]}")' in recalled["text"]
    assert recalled["text"].count("📷") == 1
    matches = (await cat.http.post("/v1/context", json={"message": "heron"})).json()["memories"]["matches"]
    assert {each["id"]: each.get("images") for each in matches} == {
        stored["id"]: images,
        **{each["id"]: None for each in matches if each["id"] != stored["id"]},
    }
    assert len(matches) == 2


async def test_a_model_looks_at_a_picture(cat, dan):
    said = await call_tool(
        cat, "memento_remember", {"content": "A heron", "images": [encode(PNG, filename="heron.png")]}
    )
    assert said.error is None, said.text
    assert said.text.endswith("(1 image)")
    memory_id = said.text.split()[2]
    for arguments in ({"memory_id": memory_id}, {"memory_id": memory_id, "filename": "heron.png"}):
        call = {"name": "memento_view_image", "arguments": arguments}
        text, image = (await send_rpc(cat, "tools/call", call)).json()["result"]["content"]
        assert "heron.png (image/png, 48 bytes)" in text["text"]
        assert (image["type"], image["mimeType"], base64.b64decode(image["data"])) == ("image", "image/png", PNG)
    for person, arguments in ((cat, {"memory_id": memory_id, "filename": "b.png"}), (dan, {"memory_id": memory_id})):
        assert (await call_tool(person, "memento_view_image", arguments)).error == "not_found"


@pytest.mark.parametrize("erase", [True, False])
async def test_a_picture_goes_with_its_memory(site, clock, erase):
    ann = await site.add_person("ann")
    stored = (await store(ann, encode(PNG))).json()
    (image,) = stored["memory"]["images"]
    path = f"/v1/memories/{stored['id']}"
    assert (await ann.http.delete(path, params={"erase": erase})).status_code == 200
    assert (await ann.http.get(f"/v1/images/{image['key']}")).status_code == 404
    assert await count_rows(site) == (0 if erase else 1)
    clock.move(days=31)
    await erase_due_memories(site.services.db, TOMBSTONES, clock(), site.services.undo_time)
    assert await count_rows(site) == 0
    assert (await ann.http.get(f"/v1/images/{image['key']}")).status_code == 404


async def test_a_memory_that_was_answered_with_pictures_can_be_ingested_again(cat):
    memory = (await store(cat, encode(PNG))).json()["memory"]
    response = await cat.http.post("/v1/memories/ingest", json={"memories": [memory]})
    assert response.status_code == 201, response.text
