"""docs/promises.md, read in both directions."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
NAMED = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs/promises.md").read_text()))
#: These try the provider that other tests log in at.
OF_HELPERS = {"tests/deployment/test_oidc_provider.py"}


def list_tests(path: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))


def test_each_test_that_a_promise_names_is_there():
    assert [(path, name) for path, name in NAMED if name not in list_tests(ROOT / path)] == []


def test_each_test_of_a_way_to_run_it_holds_a_promise():
    paths = {str(path.relative_to(ROOT)) for path in (ROOT / "tests/deployment").glob("test_*.py")} - OF_HELPERS
    assert {(path, name) for path in paths for name in list_tests(ROOT / path)} - NAMED == set()


def test_each_row_of_a_table_names_a_test():
    rows = [line for line in (ROOT / "docs/promises.md").read_text().splitlines() if line.startswith("| ")]
    assert [row for row in rows if "::" not in row and not row.startswith("| promise")] == []
