"""Who a caller is comes from the record by way of the guard, and from nowhere else."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [path for folder in ("server", "auth", "tools") for path in (ROOT / folder).rglob("*.py")]


def calls_of(name):
    """The files that call something of this name, or cast a value to it."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                is_cast = ast.unparse(node.func).endswith("cast") and name in ast.unparse(node.args[0])
                if is_cast or ast.unparse(node.func) == name:
                    found.add(str(path.relative_to(ROOT)))
    return found


def test_only_what_verifies_a_bearer_or_a_session_makes_a_principal():
    assert calls_of("Principal") == {
        "auth/bearers/api_keys.py",
        "auth/issuers/external_tokens.py",
        "auth/pages/browser.py",
        "auth/tokens/access_tokens.py",
    }


def test_only_the_making_of_a_user_makes_a_users_id():
    assert calls_of("UserId") == {"server/store/record/people/accounts.py"}


def test_the_examples_of_what_types_forbid_are_checked_and_each_is_marked():
    text = (ROOT / "tests/auth/identity_types.py").read_text()
    assert text.startswith("# pyright: strict, reportUnnecessaryTypeIgnoreComment=error\n")
    assert text.count("# pyright: ignore[") == 10
    assert '"tests"' in (ROOT / "pyproject.toml").read_text().partition("[tool.pyright]")[2]
