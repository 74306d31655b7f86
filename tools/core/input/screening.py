"""Credentials among the arguments of a write: noticed, refused or redacted, as the workspace's settings say."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from server.errors import Problem
from server.memory.credentials import are_forms_loaded, find_credentials, redact_credentials
from server.memory.settings import CredentialRule

M = TypeVar("M", bound=BaseModel)
#: The length, in characters, from which texts are looked at in a thread.
_LONG = 2_000
#: The characters that are looked at in one go, some 3 ms. A caller with many long texts gives others their turn between
#: two parts.
_PART = 10_000
#: Arguments that say where a write goes, and are no part of it.
_NAMES = frozenset({"workspace", "id"})
#: One thread for all callers: the search holds Python's lock, so several threads would only take it from each other and
#: from everything else.
_THREAD = ThreadPoolExecutor(1, "screening")


@dataclass(frozen=True, slots=True)
class Screening:
    """The credentials that were found in the arguments of a write.

    Attributes:
        kinds: the kinds of credentials in each text that has some, by its path, such as `memories.1.content`.
        redacted: each of these texts, and the one to store in its place.
    """

    kinds: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    redacted: dict[str, str] = field(default_factory=dict[str, str])


async def screen(args: BaseModel) -> Screening:
    """Look for credentials in each text of the arguments."""
    found, loop = Screening(), asyncio.get_running_loop()
    for texts in _split(_list_texts(args, "")):
        if are_forms_loaded() and sum(len(text) for _, text in texts) < _LONG:
            _screen_texts(texts, found)
        else:
            await loop.run_in_executor(_THREAD, _screen_texts, texts, found)
    return found


def screen_here(args: BaseModel) -> Screening:
    """Look for credentials in each text of the arguments, in this thread. For threads other than the event loop's."""
    found = Screening()
    _screen_texts(_list_texts(args, ""), found)
    return found


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


def redact(args: M, redacted: Mapping[str, str]) -> M:
    """Return the arguments with other texts in the place of those that have credentials."""
    return _map_texts(args, redacted)


def _split(texts: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield the texts in parts, each of which ends with the text that makes it as long as `_PART`."""
    part: list[tuple[str, str]] = []
    size = 0
    for path, text in texts:
        part.append((path, text))
        size += len(text)
        if size >= _PART:
            yield part
            part, size = [], 0
    yield part


def _screen_texts(texts: Iterable[tuple[str, str]], found: Screening) -> None:
    """Add what is in the texts to what was found."""
    for path, text in texts:
        if credentials := find_credentials(text):
            found.kinds[path] = sorted({*found.kinds.get(path, ()), *(each.kind for each in credentials)})
            found.redacted[text] = redact_credentials(text)


def _list_texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each text that was sent, with its path. Keys are texts, too, unless they are the fields of a model."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in _list_sent_fields(value):
            if path or name not in _NAMES:
                yield from _list_texts(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, dict | list):
        entries: Any = value.items() if isinstance(value, dict) else enumerate(value)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType,reportUnknownMemberType] - JSON
        for key, each in entries:
            inner = f"{path}.{key}" if path else str(key)
            if isinstance(value, dict) and find_credentials(key):
                inner = path or "arguments"  # no path quotes a credential
                yield inner, key
            yield from _list_texts(each, inner)


def _list_sent_fields(value: BaseModel) -> list[str]:
    """Return the names of the fields that were sent, without pictures."""
    sent = value.model_fields_set
    return [name for name, field in type(value).model_fields.items() if name in sent and not field.exclude]


def _map_texts(value: Any, other: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return other.get(value, value)
    if isinstance(value, BaseModel):
        sent = {name: _map_texts(getattr(value, name), other) for name in _list_sent_fields(value)}
        return value.model_copy(update=sent)
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value).items()
        return {other.get(key, key): _map_texts(each, other) for key, each in entries}
    if isinstance(value, list):
        return [_map_texts(each, other) for each in cast("list[Any]", value)]
    return value
