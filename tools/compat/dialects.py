"""The dialect of each operation: the tables of all other systems together, for the catalogue."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tools.compat import agent_hooks, claude_mem, claude_mem_capture, memento, min_memory
from tools.compat.memento_text.table import TEXTS
from tools.compat.translation import PROJECT, drop_unsupported, rename_arguments, translate_entries
from tools.core.arguments import InWorkspace
from tools.core.dialect import Dialect, Request
from tools.core.operation import Operation

#: Their order decides which name goes first if a client sends an argument under several.
_SYSTEMS = (memento, min_memory, claude_mem)

#: By operation: how a request is changed after its arguments have our names.
_REWRITES: Mapping[str, tuple[Callable[[Request], Request], ...]] = {
    "store_memory": (min_memory.link_new_memory, claude_mem.store_observation),
    "update_memory": (memento.clear_expiry,),
    "link_memories": (min_memory.link_memory,),
    "retrieve_context": (claude_mem.read_context,),
    "search": (claude_mem.read_search,),
    "create_key": (claude_mem.issue_link_key,),
}


def with_dialect(operation: Operation) -> Operation:
    """Return the operation as other systems' clients can use it as well."""
    name = operation.name
    if name == "on_event":
        return replace(operation, dialect=Dialect(translate=agent_hooks.read_event))
    if claude_mem_capture.is_capture(name):
        capture = Dialect(
            translate=claude_mem_capture.make_translator(operation),
            reword_refusal=claude_mem_capture.add_issues,
            list_argument="events" if name == "record_events" else None,
        )
        return replace(operation, dialect=capture)
    dialect = Dialect(
        translate=_translate_ingest if name == "ingest_memories" else _make_translator(name, operation.args),
        to_text=TEXTS.get(name),
        complete_body=memento.skip_empty_entries if name == "ingest_memories" else None,
    )
    return replace(operation, dialect=dialect)


def list_unsupported_arguments(name: str) -> frozenset[str]:
    """Return the arguments that other systems know for an operation, and that it refuses unless they are empty."""
    return frozenset(each for system in _SYSTEMS for each in system.UNSUPPORTED.get(name, ()))


def _make_translator(name: str, args: type[Any] | None = None) -> Callable[[dict[str, Any]], Request]:
    names = PROJECT if args is not None and issubclass(args, InWorkspace) else {}
    for system in _SYSTEMS:
        names = {**names, **system.NAMES.get(name, {})}
    unsupported, rewrites = list_unsupported_arguments(name), _REWRITES.get(name, ())

    def translate(arguments: dict[str, Any]) -> Request:
        request = rename_arguments(drop_unsupported(arguments, unsupported), names)
        for rewrite in rewrites:
            request = rewrite(request)
        return request

    return translate


#: A memory of an ingest is worded as one that is stored alone, but for the workspace, which all of them share.
_translate_entry = _make_translator("store_memory")


def _translate_ingest(arguments: dict[str, Any]) -> Request:
    request = rename_arguments(arguments, PROJECT)
    entries = translate_entries(request.arguments, "memories", _translate_entry)
    return replace(entries, spellings={**request.spellings, **entries.spellings})
