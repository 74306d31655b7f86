"""A file's parts: joined, they are the file."""

from hypothesis import given
from hypothesis import strategies as st

from server.memory.capture.file_parts import MOST_BYTES, clean_file, find_fault, join_file, split_file

lines = st.lists(st.sampled_from(["# A\n", "## B\r\n", "text\n", "\n", "```\n", "~~~\n", "é\u2028x\n", "- item\n"]))


@given(st.text() | lines.map("".join))
def test_the_parts_are_the_file_and_none_is_blank(text):
    parts = split_file(text)
    assert "".join(parts) == join_file(parts) == text
    assert all(part.strip() for part in parts) or not text.strip()


def test_a_file_is_divided_before_headings_but_not_inside_code():
    assert split_file("intro\n# A\na\n```\n# no heading\n```\n## B\nb") == [
        "intro\n",
        "# A\na\n```\n# no heading\n```\n",
        "## B\nb",
    ]


def test_a_long_section_is_divided_between_lines():
    text = "# A\n" + "word\n" * MOST_BYTES
    assert find_fault(text) is None
    assert max(len(part) for part in split_file(text)) <= MOST_BYTES
    assert find_fault("x" * MOST_BYTES * 2) == f"has a line, or blank lines, of more than {MOST_BYTES} bytes"


def test_a_part_that_lost_the_end_of_its_line_is_joined_to_the_next_by_one():
    assert join_file(["# A\nchanged", "# B\n"]) == "# A\nchanged\n# B\n"


def test_private_parts_and_credentials_are_cut_out():
    token = "ghp_" + "a1B2c3D4e5" * 4
    cleaned = clean_file(f"# Keys\n<private>my diary</private>\ntoken {token}\n")
    assert "diary" not in cleaned
    assert token not in cleaned
    assert cleaned.startswith("# Keys\n")
