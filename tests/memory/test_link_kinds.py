"""The meanings of links have a name from either end."""

import re
from pathlib import Path
from typing import get_args

from server.memory.link_kinds import LINK_KINDS, find_inverse
from tools.compat.min_memory_tools.words import RelationType


def test_the_name_from_the_other_end_leads_back():
    assert all(LINK_KINDS[there] == here for here, there in LINK_KINDS.items())
    assert find_inverse("Caused by") == "causes"
    assert find_inverse("superseded_by") == "supersedes"
    assert find_inverse("because") is None


def test_the_page_of_links_has_each_meaning():
    page = (Path(__file__).parents[2] / "docs/links.md").read_text()
    shown = re.findall(r"^\| `(\w+)` \| `(\w+)` \|$", page, re.MULTILINE)
    assert {**dict(shown), **{there: here for here, there in shown}} == LINK_KINDS


def test_every_relation_of_min_memorys_has_a_name_from_the_other_end():
    assert set(get_args(RelationType)) <= LINK_KINDS.keys()
