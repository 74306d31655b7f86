"""The meanings of links that have a name of their own, and how each is called from its other end."""

from collections.abc import Mapping

_PAIRS: Mapping[str, str] = {
    "supports": "supported_by",
    "contradicts": "contradicted_by",
    "supersedes": "superseded_by",
    "refines": "refined_by",
    "depends_on": "required_by",
    "implements": "implemented_by",
    "example_of": "has_example",
    "caused_by": "causes",
    "part_of": "has_part",
    "relates": "relates",
}
#: Each meaning, with its name from the other end. Any other label is allowed, and has none.
LINK_KINDS: Mapping[str, str] = {**_PAIRS, **{there: here for here, there in _PAIRS.items()}}


def find_inverse(label: str) -> str | None:
    """Return what a link with this label means from its other end; None for a label of one's own."""
    return LINK_KINDS.get(label.strip().lower().replace(" ", "_").replace("-", "_"))
