"""The documentation is what the product does: its requests are sent, and its answers compared."""

import json
import re
from pathlib import Path

import pytest

from tests.transcripts import Transcript, exchanges
from tools.catalog import OPERATIONS, RECALL_LINK

ROOT = Path(__file__).parent.parent
API = (ROOT / "docs/api.md").read_text()


@pytest.mark.anyio
async def test_every_request_in_the_api_documentation_gets_the_answer_shown(site):
    person = await site.person("ann", ("memory:write", "admin"), is_admin=True)
    transcript = Transcript()
    for method, path, headers, body, documented in exchanges(API):
        answer = await person.http.request(
            method, transcript.asked(path), headers=headers, json=json.loads(transcript.asked(json.dumps(body)))
        ) if body is not None else await person.http.request(method, transcript.asked(path), headers=headers)
        transcript.check(documented, answer.json())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_documented_with_its_routes_and_an_exchange(operation):
    section = re.search(rf"^### {operation.name}\n(.*?)(?=^##|\Z)", API, re.DOTALL | re.MULTILINE)
    assert section, f"docs/api.md has no section {operation.name}"
    for method, path in operation.routes:
        assert f"`{method} {path}`" in section.group(1)
    assert f"`{operation.scope}`" in section.group(1)
    assert list(exchanges(section.group(1)))


def test_the_tools_of_the_recall_link_are_documented():
    for name in RECALL_LINK:
        assert f"`{name}`" in API.partition("## The recall link")[2]


def test_the_changelog_begins_with_what_is_not_released_yet():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_every_dependency_has_a_line_of_reason():
    project = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", project, re.DOTALL | re.MULTILINE).group(1)
    names = re.findall(r'"([a-z0-9-]+)', listed)
    reasons = (ROOT / "docs/dependencies.md").read_text()
    assert [name for name in names if f"| {name} |" not in reasons] == []


def test_the_pages_name_no_file_that_is_not_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


