"""The parts that connect a client: commands of its own, files that are ours alone, and additions to files of others."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Addition:
    """A value at a path of names in a JSON file of another program."""

    file: Path
    path: tuple[str, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class Block:
    """Lines at the end of a TOML file of another program, which name a table that must not be there yet."""

    file: Path
    table: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that is ours alone. One that holds a setting of several clients does not change while another has it."""

    file: Path
    text: str
    is_setting: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All that connects a client, what undoes its commands, and what is left to the person."""

    commands: tuple[tuple[str, ...], ...] = ()
    undoing: tuple[tuple[str, ...], ...] = ()
    changes: tuple[Addition | Block | OwnFile, ...] = ()
    hints: tuple[str, ...] = ()
