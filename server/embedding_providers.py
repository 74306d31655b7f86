"""The providers of embeddings that a setting can name: those that are built in, and those that other packages bring."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Literal

Api = Literal["openai", "cohere", "voyage", "ollama"]

#: The group of entry points in which another package registers a provider.
GROUP = "loci.embedding_providers"
LOCAL = "local"
ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Preset:
    """The facts that are known of a service that makes embeddings.

    Attributes:
        api: the form of its requests and answers.
        url: its usual URL; empty: there is none.
        model: the model to ask for if nobody names one; empty: there is none.
        needs_key: whether nobody may ask it without an API key.
    """

    api: Api
    url: str = ""
    model: str = ""
    needs_key: bool = False


PRESETS: dict[str, Preset] = {
    ENDPOINT: Preset("openai"),
    "openai": Preset("openai", "https://api.openai.com/v1", "text-embedding-3-small", needs_key=True),
    "cohere": Preset("cohere", "https://api.cohere.com/v2", "embed-v4.0", needs_key=True),
    "voyage": Preset("voyage", "https://api.voyageai.com/v1", "voyage-4", needs_key=True),
    "ollama": Preset("ollama", "http://127.0.0.1:11434", "nomic-embed-text"),
}


def find_custom_provider(name: str) -> EntryPoint | None:
    """Return the entry point by which an installed package registers a provider of this name, None if none does."""
    found = entry_points(group=GROUP, name=name)
    return next(iter(found), None)


def list_providers() -> list[str]:
    """Return the names that the setting may have, in the order in which a person should read them."""
    custom = sorted(each.name for each in entry_points(group=GROUP) if each.name not in PRESETS)
    return [LOCAL, *PRESETS, *custom]
