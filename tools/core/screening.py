"""Credentials among the arguments of a write: noticed, refused or redacted, as the workspace's settings say."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from server.errors import Problem
from server.memory.credentials import are_forms_loaded, find_credentials, redact_credentials
from server.memory.settings import CredentialRule

M = TypeVar("M", bound=BaseModel)
#: The length, in characters, from which a text is looked at in a thread: 10,000 characters take some 10 ms.
_LONG = 2_000


async def find_kinds(args: BaseModel) -> dict[str, list[str]]:
    """Return the kinds of credentials in each text of the arguments, by its path, such as `memories.1.content`."""
    texts = list(_list_texts(args.model_dump(exclude={"workspace", "id"}), ""))
    if are_forms_loaded() and sum(len(text) for _, text in texts) < _LONG:
        return _find_kinds(texts)
    return await asyncio.to_thread(_find_kinds, texts)


def list_problems(kinds: dict[str, list[str]]) -> list[Problem]:
    """Return what to say of arguments with credentials that the workspace refuses. No value is quoted."""
    advice = "remove it, or set the workspace's setting `secrets` to notice or redact"
    return [Problem(path, f"looks like a credential ({', '.join(each)}); {advice}") for path, each in kinds.items()]


def write_notice(kinds: dict[str, list[str]], rule: CredentialRule) -> str:
    """Return the notice that arguments had credentials: their kinds, and never their values."""
    named = ", ".join(sorted({kind for each in kinds.values() for kind in each}))
    if rule == "redact":
        return f"A credential was redacted before it was stored ({named})."
    return f"The stored text looks as if it held a credential ({named}). Delete it with `erase` if that was not meant."


def redact(args: M) -> M:
    """Return the arguments with the kind of each credential in its place."""
    return _map_texts(args, redact_credentials)


def _find_kinds(texts: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for path, text in texts:
        found.setdefault(path, set()).update(each.kind for each in find_credentials(text))
    return {path: sorted(kinds) for path, kinds in found.items() if kinds}


def _list_texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        entries: Any = value.items() if isinstance(value, dict) else enumerate(value)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType,reportUnknownMemberType] - JSON
        for key, each in entries:
            inner = f"{path}.{key}" if path else str(key)
            if isinstance(value, dict) and find_credentials(key):
                inner = path or "arguments"  # no path quotes a credential
                yield inner, key
            yield from _list_texts(each, inner)


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        texts = (name for name in value.model_fields_set if not fields[name].exclude)  # pictures are not looked at
        sent = {name: _map_texts(getattr(value, name), change) for name in texts}
        return value.model_copy(update=sent)
    if isinstance(value, dict):
        return {change(key): _map_texts(each, change) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_map_texts(each, change) for each in cast("list[Any]", value)]
    return value
