"""A list may be written as JSON, as YAML or with nested items; each entry becomes one line."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.memory.notes.section_forms import rewrite_as_list
from server.memory.notes.section_lines import find_entries

LARGE = "Tailwind: too large"
YAML = "- item: Tailwind\n  reason: 'too large'\n  expires: 2030-01-01\n- item: MySQL"
FIELDS = [{"item": "Tailwind", "reason": "too large", "expires": "2030-01-01"}, {"name": "MySQL"}]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ('["Tailwind: too large", "MySQL"]', [LARGE, "MySQL"]),
        (json.dumps(FIELDS), [f"{LARGE} (expires 2030-01-01)", "MySQL"]),
        (f"```json\n{json.dumps({'skip_list': FIELDS}, indent=2)}\n```", [f"{LARGE} (expires 2030-01-01)", "MySQL"]),
        ('{"Tailwind": "too large", "MySQL": {"why": "old", "until": "2030-01-01"}, "Go": null}',
         [LARGE, "MySQL: old (expires 2030-01-01)", "Go"]),
        (YAML, [f"{LARGE} (expires 2030-01-01)", "MySQL"]),
        (f"skip_list:\n{YAML}", [f"{LARGE} (expires 2030-01-01)", "MySQL"]),
        ("item: Tailwind\nreason: too large", [LARGE]),
        ("- Tailwind\n  - reason: too large\n- MySQL", [LARGE, "MySQL"]),
        ("- **Tailwind**\n    **Why:** too large", ["**Tailwind**: too large"]),
        ("- Frontend:\n  - Tailwind: too large\n  - Bootstrap\n- **Data:**\n\t* MySQL", [LARGE, "Bootstrap", "MySQL"]),
        ("- name: snake_case", ["name: snake_case"]),
        ("[Tailwind](https://a.example): too large", ["[Tailwind](https://a.example): too large"]),
        ("[not json\n- Tailwind", ["Tailwind"]),
        ("[" * 5000, []),
        ("[]", []),
    ],
)  # fmt: skip
def test_each_entry_becomes_a_line(text, entries):
    assert find_entries(rewrite_as_list(text)) == entries


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["- Tailwind: too large", "* MySQL", "", "# Out", "  - Redis", "text", "1. Go"])))
def test_plain_lines_stay_as_they_were_written(lines):
    text = "\n".join(lines)
    assert rewrite_as_list(text) == text


@settings(max_examples=100)
@given(
    st.text(max_size=80) | st.lists(st.sampled_from(["- item: a", "  reason: b", "\t", "- x:", "  - y"])).map("\n".join)
)
def test_rewriting_a_second_time_changes_nothing(text):
    once = rewrite_as_list(text)
    assert rewrite_as_list(once) == once
