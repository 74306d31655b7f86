"""The check of a PAM document without its server: digests, counts and the signature."""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

from server.errors import Failure
from tools.exports.pam_objects import canonicalize, hash_content, is_signed


def verify_document(path: Path, key: str | None) -> list[str]:
    """Return the faults of a document, as sentences; none if it is as it was signed. `key` is the key that must sign.

    Raises:
        Failure: `invalid`, it is no document of PAM.
    """
    document = _load(path)
    objects = [cast("dict[str, Any]", each) for each in document.get("memories", []) if isinstance(each, dict)]
    faults = [
        f"The memory {each.get('id')} has another content than its digest says."
        for each in objects
        if hash_content(str(each.get("content", ""))) != each.get("content_hash")
    ]
    integrity, signature = _read_block(document, "integrity"), _read_block(document, "signature")
    checksum = _compute_checksum(objects)
    if integrity.get("checksum") != checksum or integrity.get("total_memories") != len(objects):
        faults.append("The memories are not those of the checksum.")
    owner_id = str(_read_block(document, "owner").get("id"))
    values = (str(document.get("export_id")), str(document.get("export_date")), owner_id)
    if not signature:
        faults.append("It is not signed.")
    elif not is_signed(signature, checksum, *values):
        faults.append("The signature is not that of these memories.")
    elif key is not None and signature.get("public_key") != key:
        faults.append(f"It is signed by another key: {signature.get('public_key')}.")
    return faults


def read_key(path: Path) -> str:
    """Return the key that a document names as its signer's."""
    return str(_read_block(_load(path), "signature").get("public_key"))


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise Failure("not_found", f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("schema") != "portable-ai-memory":  # pyright: ignore[reportUnknownMemberType] - JSON
        raise Failure("invalid", f"{path} is no document of Portable AI Memory.")
    return cast("dict[str, Any]", document)


def _read_block(document: dict[str, Any], name: str) -> dict[str, Any]:
    block = document.get(name)
    return cast("dict[str, Any]", block) if isinstance(block, dict) else {}


def _compute_checksum(objects: list[dict[str, Any]]) -> str:
    ordered = sorted(objects, key=lambda each: str(each.get("id")))
    text = b"[" + b",".join(canonicalize(each) for each in ordered) + b"]"
    return f"sha256:{hashlib.sha256(text).hexdigest()}"
