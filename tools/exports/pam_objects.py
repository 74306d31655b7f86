"""Memories as Portable AI Memory (PAM) 1.0 has them, their digests, and the signature of a document.

All values of our objects are texts or lists of texts. For these, canonical JSON (RFC 8785) is JSON without spaces, with
sorted names.
"""

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.memory.models import Linkage, Memory
from tools.exports.reading import Line

#: Types that mean in PAM what they mean here. All others are custom.
TYPES = frozenset({"fact", "preference", "instruction"})
#: The relations that links with these labels are. All others are `related_to`.
RELATIONS = {
    "supports": "supports",
    "contradicts": "contradicts",
    "supersedes": "supersedes",
    "refines": "extends",
    "extends": "extends",
    "consolidated from": "derived_from",
    "derived from": "derived_from",
}
#: Of lines beside memories: `~` stands behind all characters of ids, so that they are sorted last.
_LINE_ID = "~loci-{:08d}"
_TAG = re.compile(r"[^a-z0-9_-]+")
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def canonicalize(value: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON of an object of texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def hash_content(content: str) -> str:
    """Return the digest of a content: of its words in lower case with single spaces, as PAM says (9.4)."""
    text = unicodedata.normalize("NFC", content.strip().lower())
    return _name_digest(hashlib.sha256(re.sub(r"\s+", " ", text).encode()).hexdigest())


def _name_digest(digest: str) -> str:
    return f"sha256:{digest}"


def make_memory(memory: Memory) -> dict[str, Any]:
    """Return a memory as PAM has it. The field `loci` of its metadata has the whole line of our own export."""
    known = memory.type if memory.type in TYPES else "custom"
    times = {
        "created_at": write_time(memory.created_at),
        "updated_at": write_time(max(memory.updated_at, memory.created_at)),
    }
    if memory.superseded_by is not None:
        times["superseded_by"] = memory.superseded_by
    if memory.occurred_at is not None:
        times["valid_from"] = write_time(memory.occurred_at)
    if memory.expires_at is not None and memory.expires_at >= (memory.occurred_at or memory.expires_at):
        times["valid_until"] = write_time(memory.expires_at)
    about = {"platform": "loci"} | ({"conversation_ref": memory.session} if memory.session else {})
    status = "superseded" if memory.superseded_by else "archived" if memory.consolidated else "active"
    line = memory.model_dump_json(exclude={"content"})
    made = _make_object(memory.id, known, memory.content, times, about, f'{{"kind":"memory",{line[1:]}')
    custom = {"custom_type": memory.type} if known == "custom" else {}
    tags = [tag for each in memory.tags if (tag := _TAG.sub("-", each.lower()).strip("-_"))]
    return made | custom | {"status": status, "tags": list(dict.fromkeys(tags))}


def make_other(number: int, line: Line, now: datetime) -> dict[str, Any]:
    """Return a line that is no memory as PAM has it: a custom memory with the line in its metadata."""
    values = line.values
    texts = (values.get(name) for name in ("crystal", "content", "title", "name", "query"))
    title = next((str(each) for each in texts if each), "")
    text = title.strip() or line.kind
    times = {"created_at": values.get("created_at") or write_time(now)}
    times = {name: write_time(datetime.fromisoformat(each)) for name, each in times.items()}
    whole = json.dumps({"kind": line.kind} | values, ensure_ascii=False, separators=(",", ":"))
    made = _make_object(_LINE_ID.format(number), "custom", text, times, {"platform": "loci"}, whole)
    return made | {"custom_type": f"loci_{line.kind}"}


def _make_object(
    object_id: str, kind: str, content: str, times: dict[str, str], about: dict[str, str], line: str
) -> dict[str, Any]:
    return {
        "id": object_id,
        "type": kind,
        "status": "active",
        "content": content,
        "content_hash": hash_content(content),
        "tags": [],
        "temporal": times,
        "provenance": about,
        "metadata": {"loci": line},
    }


def make_relation(memory: Memory, position: int, link: Linkage) -> dict[str, Any] | None:
    """Return a link to a memory as PAM has it; None for other links, and for one to itself."""
    if link.type != "memory" or link.id is None or link.id == memory.id:
        return None
    return {
        "id": f"{memory.id}-{position}",
        "from": memory.id,
        "to": link.id,
        "type": RELATIONS.get((link.label or "").lower(), "related_to"),
        "created_at": write_time(memory.created_at),
    }


def write_time(value: datetime) -> str:
    """Return a time in UTC as PAM's own library writes it, whose digests are of texts."""
    return value.isoformat().replace("+00:00", "Z")


def sign(key: Ed25519PrivateKey, checksum: str, export_id: str, export_date: str, owner_id: str) -> dict[str, str]:
    """Return the signature of a document (PAM 18.3)."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    value = key.sign(_make_payload(checksum, export_id, export_date, owner_id))
    return {
        "algorithm": "Ed25519",
        "public_key": encode_base58(raw),
        "value": base64.urlsafe_b64encode(value).decode().rstrip("="),
        "signed_at": export_date,
    }


def is_signed(signature: Mapping[str, Any], checksum: str, export_id: str, export_date: str, owner_id: str) -> bool:
    """Whether a signature is that of a document with these values, by the key that it names."""
    try:
        key = Ed25519PublicKey.from_public_bytes(decode_base58(str(signature.get("public_key"))))
        value = base64.urlsafe_b64decode(f"{signature.get('value')}==")
        key.verify(value, _make_payload(checksum, export_id, export_date, owner_id))
    except (ValueError, InvalidSignature):
        return False
    return signature.get("algorithm") == "Ed25519"


def _make_payload(checksum: str, export_id: str, export_date: str, owner_id: str) -> bytes:
    return canonicalize(
        {"checksum": checksum, "export_id": export_id, "export_date": export_date, "owner_id": owner_id}
    )


def encode_base58(data: bytes) -> str:
    """Return bytes in base 58, as PAM writes keys."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = _BASE58[rest] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def decode_base58(text: str) -> bytes:
    """Return the bytes of a text in base 58. Raises ValueError."""
    number = 0
    for each in text:
        number = number * 58 + _BASE58.index(each)
    body = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return b"\0" * (len(text) - len(text.lstrip("1"))) + body
