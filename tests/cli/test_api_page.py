"""The page of the API is made of the catalogue and of files, and says so when they do not fit together."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.cli.api_page import Exchange, PageError, describe_type, drop_nulls, render_page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a copy of docs, as the current one."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_docs(*arguments):
    return CliRunner().invoke(app, ["docs", *arguments])


def test_the_command_writes_the_page(project):
    page = project / "docs/api.md"
    written = page.read_text()
    page.write_text("old")
    assert run_docs().exit_code == 0
    assert page.read_text() == written


def test_a_page_that_is_not_current_is_told_and_left_alone(project):
    assert run_docs("--check").exit_code == 0
    (project / "docs/api.md").write_text("old")
    result = run_docs("--check")
    assert result.exit_code == 1
    assert "Run `loci docs`" in result.output
    assert (project / "docs/api.md").read_text() == "old"


def test_elsewhere_than_in_the_source_code_the_command_says_where_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run_docs()
    assert result.exit_code == 1
    assert "Run this in the root folder of Loci's source code." in result.output


def change_json(path, change):
    exchanges = json.loads(path.read_text())
    change(exchanges)
    path.write_text(json.dumps(exchanges))


def test_an_operation_without_an_exchange_is_named(project):
    change_json(project / "docs/api/plans.json", list.clear)
    result = run_docs()
    assert result.exit_code == 1
    assert "plans.json: add an exchange that shows set_plan." in result.output


def test_an_exchange_or_a_text_of_an_operation_that_is_not_there_is_named(project):
    folder = project / "docs/api"
    change_json(folder / "plans.json", lambda exchanges: exchanges[0].update(operation="sell_plan"))
    with pytest.raises(PageError, match=r"plans\.json: Plans has no operation sell_plan\."):
        render_page(folder)
    shutil.copy(ROOT / "docs/api/plans.json", folder)
    (folder / "links.md").write_text("### unlink_memories\n\nNot yet.\n")
    with pytest.raises(PageError, match=r"links\.md: Links has no operation unlink_memories\."):
        render_page(folder)


def test_files_that_are_missing_or_not_valid_are_named(project):
    folder = project / "docs/api"
    (folder / "plans.json").write_text('[{"request": "GET /v1/plans"}]')
    with pytest.raises(PageError, match=r"(?s)plans\.json: .*answer"):
        render_page(folder)
    (folder / "plans.json").unlink()
    with pytest.raises(PageError, match=r"plans\.json is missing\."):
        render_page(folder)


def test_an_exchange_is_shown_with_the_nulls_of_its_request_and_without_those_of_its_answer():
    exchange = Exchange(
        operation="set_plan",
        note="The default:",
        request="PUT /v1/admin/plan",
        headers={"X-Memento-Workspace": "reading"},
        body={"plan": None},
        answer={"plan": None, "is_default": True},
    )
    assert exchange.to_markdown() == (
        "The default:\n\n"
        '```http\nPUT /v1/admin/plan\nX-Memento-Workspace: reading\n\n{"plan": null}\n```\n\n'
        '```json\n{\n  "is_default": true\n}\n```\n'
    )


def test_nulls_are_left_out_at_every_depth_but_not_out_of_lists():
    assert drop_nulls({"a": None, "b": [{"c": None, "d": 0}, None], "e": {}}) == {"b": [{"d": 0}, None], "e": {}}


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 9}, "text, at most 9 characters"),
        ({"type": "string", "format": "date-time"}, "date or date-time"),
        ({"type": "integer", "minimum": 1, "maximum": 5}, "whole number, 1 to 5"),
        ({"type": "integer", "minimum": 1}, "whole number, at least 1"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "number, above 0, at most 1"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "object", "additionalProperties": True}, "JSON object"),
        ({"enum": ["a", "b", "c"], "type": "string"}, "`a`, `b` or `c`"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or null"),
        ({"type": "array", "maxItems": 3, "items": {"type": "string"}}, "list, at most 3 entries, each: text"),
        ({"$ref": "#/$defs/Link"}, "object with `type` and `id`"),
        ({"description": "Anything."}, "any JSON value"),
    ],
)
def test_a_type_is_named_in_plain_words_with_its_bounds(shape, words):
    assert describe_type(shape, {"Link": {"properties": {"type": {}, "id": {}}}}) == words
