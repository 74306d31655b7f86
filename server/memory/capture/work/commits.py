"""Commits that an agent made, read from the output of git."""

import re
from typing import NamedTuple

_MADE = re.compile(
    r"^\[(?P<branch>[^\s\]]{1,120})(?: \(root-commit\))? (?P<hash>[0-9a-f]{7,40})\] (?P<subject>[^\n]{1,300})$",
    re.MULTILINE,
)
_HEREDOC = re.compile(r"<<-?\s*['\"]?(?P<mark>\w+)['\"]?\n(?P<text>[\s\S]{1,3000}?)\n\s*(?P=mark)\b")
_MESSAGE = re.compile(
    r"(?:-[a-zA-Z]*m|--message)[ =]?(?:\"(?P<double>(?:[^\"\\]|\\.){1,2000})\"|'(?P<single>[^']{1,2000})')"
)
_TRAILER = re.compile(r"^(?:[A-Z][\w-]+-[Bb]y|Change-Id|Refs?|Fixes|Closes|Generated with|\U0001f916)\b.*$")
_BODY_CHARACTERS = 300


class Commit(NamedTuple):
    """A commit that was made: the hash is short."""

    hash: str
    branch: str
    subject: str
    body: str  # one line; empty if the message has no more than the subject


def find_commits(command: str, output: str) -> list[Commit]:
    """Return the commits that a command made, as its output tells them."""
    if "git" not in command:
        return []
    body = _find_body(command)
    made = [Commit(each["hash"], each["branch"], each["subject"].strip(), "") for each in _MADE.finditer(output)]
    if made and body:
        made[-1] = made[-1]._replace(body=body)
    return made


def _find_body(command: str) -> str:
    """Return what a message says below its subject, in one line and without trailers."""
    heredoc = _HEREDOC.search(command)
    if heredoc:
        lines = heredoc["text"].split("\n")[1:]
    else:
        messages = [each["double"] or each["single"] or "" for each in _MESSAGE.finditer(command)]
        lines = [line for message in messages for line in message.split("\n")][1:]
    said = " ".join(line.strip() for line in lines if line.strip() and not _TRAILER.match(line.strip()))
    return said if len(said) <= _BODY_CHARACTERS else f"{said[:_BODY_CHARACTERS].rpartition(' ')[0]} \u2026"
