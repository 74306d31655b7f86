"""Files that must not hurt an import: each with a word of the refusal. Some hold a good memory beside what is bad."""

import io
import json
import zipfile

DEEP = 100_000


def make_bad_files() -> dict[str, tuple[bytes, str, int]]:
    """Return name → (content, words of the refusal, how many memories are imported all the same)."""
    good = b'{"content":"A good line"}\n'
    climbing = _pack({"../../up.md": b"climbs", "good.md": b"A good note."})
    long = json.dumps({"content": "x", "entity": "y" * 10_000}).encode()
    circle = [
        {"id": f"0193b1c4-0000-7000-8000-00000000000{each}", "content": f"The port is {each}", "linkages": _link(other)}
        for each, other in ((1, 2), (2, 1))
    ]
    lonely = {"content": "x", "scope": "project"}
    return {
        "cut.zip": (climbing[:60], "damaged", 0),
        "bomb.zip": (_pack({"bomb.json": b"[" + b" " * (40 << 20) + b"]"}), "200 times", 0),
        "climbing.zip": (climbing, "leads out", 1),
        "locked.zip": (_encrypt(_pack({"a.md": b"secret"})), "encrypted", 0),
        "broken.jsonl": (good + b'{"content":\n', "line 2", 1),
        "latin.md": ("Caf\xe9 am Meer".encode("latin-1"), "not text in UTF-8", 0),
        "wide.jsonl": ('{"content":"A wide line"}'.encode("utf-16"), "", 1),
        "deep.json": (b'[{"content":' + b"[" * DEEP, "", 0),
        "late.jsonl": (b'{"content":"x","occurred_at":"9999-12-31T23:59:59Z"}\n', "9999-12-30", 0),
        "early.jsonl": (b'{"content":"x","occurred_at":"1970-01-01T00:00:00Z"}\n', "", 1),
        "entity.jsonl": (long, "", 1),
        "lonely.jsonl": (json.dumps(lonely).encode(), "project", 0),
        "circle.jsonl": ("\n".join(map(json.dumps, circle)).encode(), "", 2),
    }


def _link(number: int) -> list[dict[str, str]]:
    return [{"type": "memory", "id": f"0193b1c4-0000-7000-8000-00000000000{number}", "label": "supersedes"}]


def _pack(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _encrypt(archive: bytes) -> bytes:
    """Return a zip whose first member says that it is encrypted."""
    data = bytearray(archive)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    return bytes(data)
