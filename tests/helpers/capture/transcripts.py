"""Replays what the documentation shows, and holds the answers against what it says they are.

Ids, times and keys differ from run to run: an id of the documentation stands for the id that the real answer had
in its place, in everything that follows.
"""

import json
import re

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
CHANGES = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "<time>"),
    (re.compile(r"mp_live_[0-9a-f]{4,32}"), "<key>"),
    (re.compile(r"link=[A-Za-z0-9_-]{43}"), "<link>"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "<url>"),
)


class Transcript:
    """The pairs of documented and real ids that are known so far."""

    def __init__(self):
        self.real = {}

    def translate(self, text):
        """A documented request, with the ids that this run has."""
        return ID.sub(lambda found: self.real.get(found.group(), found.group()), text)

    def check(self, documented, answered):
        """Compare two JSON values; learn the ids."""
        assert type(documented) is type(answered), (documented, answered)
        if isinstance(documented, dict):
            assert documented.keys() == answered.keys()
            for key, value in documented.items():
                self.check(value, answered[key])
        elif isinstance(documented, list):
            assert len(documented) == len(answered)
            for one, other in zip(documented, answered, strict=True):
                self.check(one, other)
        elif isinstance(documented, str):
            self.real |= dict(zip(ID.findall(documented), ID.findall(answered), strict=True))
            assert mask_changes(documented) == mask_changes(answered)
        else:
            assert documented == answered


def mask_changes(text):
    """The text without what differs from run to run."""
    text = ID.sub("<id>", text)
    for pattern, stands_for in CHANGES:
        text = pattern.sub(stands_for, text)
    return text


def list_exchanges(markdown):
    """The (method, path, headers, body, documented answer) of each pair of an ```http and a ```json block."""
    for request, answer in re.findall(r"```http\n(.*?)```\n+```json\n(.*?)```", markdown, re.DOTALL):
        head, _, body = request.strip().partition("\n\n")
        first, *lines = head.splitlines()
        method, path = first.split(" ", 1)
        headers = dict(line.split(": ", 1) for line in lines)
        yield method, path, headers, json.loads(body) if body else None, json.loads(answer)
