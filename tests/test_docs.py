"""The documentation is what the product does: its requests are sent, and its answers compared."""

import asyncio
import json
import os
import re
import shlex
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from server.background.upkeep import write_counts
from server.cli import _PLACES, load_command
from server.cli.api_page import INTRODUCTION, OTHER_ROUTES, load_exchanges, make_anchor, render_page
from tests.helpers.capture.transcripts import Transcript, list_exchanges
from tools.catalog import MEMENTO as MEMENTO_TOOLS
from tools.catalog import OPERATIONS, OTHERS, RECALL_LINK, SUBJECTS

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "docs/api"
API = (ROOT / "docs/api.md").read_text()
MEMENTO = (ROOT / "docs/memento.md").read_text()
OWN_PAGES = [f"docs/{name}.md" for name in OTHERS]
BY_HAND = [f"docs/api/{INTRODUCTION}", f"docs/api/{OTHER_ROUTES}", "docs/memento.md", *OWN_PAGES]


@pytest.mark.anyio
@pytest.mark.parametrize("title", SUBJECTS)
async def test_every_request_of_a_subject_gets_the_answer_shown(site, clock, title):
    shown = load_exchanges(SOURCES, title)
    await replay(site, clock, [(*each.request.split(" ", 1), each.headers, each.body, each.answer) for each in shown])


@pytest.mark.anyio
@pytest.mark.parametrize("path", BY_HAND)
async def test_every_request_of_a_page_gets_the_answer_shown(site, clock, path):
    await replay(site, clock, list_exchanges((ROOT / path).read_text()))


async def replay(site, clock, shown):
    """Send each request as an administrator, and compare the whole answer."""
    person = await site.add_person("ann", ("memory:write", "admin"), is_admin=True)
    transcript = Transcript()
    for method, path, headers, body, documented in shown:
        clock.move(seconds=1)
        await write_counts(site.services)  # or the loop would, now or later
        arguments = {} if body is None else {"json": json.loads(transcript.translate(json.dumps(body)))}
        answer = await person.http.request(method, transcript.translate(path), headers=headers, **arguments)
        try:
            transcript.check(documented, answer.json())
        except AssertionError as error:
            error.add_note(f"{method} {path} answered {json.dumps(answer.json(), indent=2)}")
            raise


def test_the_page_of_the_api_is_current():
    assert render_page(SOURCES) == API, "docs/api.md is not current: run `loci docs`"


def test_the_page_of_the_api_begins_with_a_link_to_every_section():
    contents, text = API.split("\nEvery operation is", 1)
    headings = re.findall(r"^###? (.+)$", text, re.MULTILINE)
    assert re.findall(r"\[`?(.+?)`?\]\(#", contents) == headings
    assert re.findall(r"\(#(.+?)\)", contents) == [make_anchor(heading) for heading in headings]


def test_the_folder_of_the_page_has_only_files_that_are_on_the_page():
    names = [make_anchor(title) for title in SUBJECTS]
    allowed = {INTRODUCTION, OTHER_ROUTES} | {f"{name}{ending}" for name in names for ending in (".json", ".md")}
    assert {path.name for path in SOURCES.iterdir()} <= allowed
    for path in SOURCES.glob("*.md"):
        if f"docs/api/{path.name}" not in BY_HAND:
            assert "```http" not in path.read_text(), f"{path.name}: an exchange belongs into the JSON file"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_documented_with_its_routes_and_an_exchange(operation):
    section = re.search(rf"^### {operation.name}\n(.*?)(?=^##|\Z)", API, re.DOTALL | re.MULTILINE)
    assert section, f"docs/api.md has no section {operation.name}"
    for method, path in operation.routes:
        assert f"`{method} {path}`" in section.group(1)
    assert f"`{operation.scope}`" in section.group(1)
    shown = list(list_exchanges(section.group(1)))
    assert shown
    patterns = [f"{method} {re.sub('{.+?}', '[^/?]+', path)}" for method, path in operation.routes]
    for method, path, *_ in shown:
        assert any(re.fullmatch(each, f"{method} {path.partition('?')[0]}") for each in patterns)


@pytest.mark.parametrize("name", MEMENTO_TOOLS)
def test_every_tool_of_mementos_is_documented_with_an_exchange(name):
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", MEMENTO, re.DOTALL | re.MULTILINE)
    assert section, f"docs/memento.md has no section {name}"
    ((_, path, _, body, _),) = list_exchanges(section.group(1))
    assert body is not None
    assert (path.partition("&")[0], body["params"]["name"]) == ("/mcp?toolset=memento", name)


@pytest.mark.parametrize(("toolset", "name"), [(toolset, name) for toolset, tools in OTHERS.items() for name in tools])
def test_every_tool_of_another_system_is_documented_with_an_exchange(toolset, name):
    page = (ROOT / f"docs/{toolset}.md").read_text()
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE)
    assert section, f"docs/{toolset}.md has no section {name}"
    shown = [
        (path.partition("&")[0], body and body["params"]["name"]) for _, path, _, body, _ in list_exchanges(section[1])
    ]
    assert set(shown) == {(f"/mcp?toolset={toolset}", name)}


def test_the_tools_of_the_recall_link_are_documented():
    for name in RECALL_LINK:
        assert f"`{name}`" in API.partition("## The recall link")[2]


def test_the_changelog_begins_with_what_is_not_released_yet():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_every_dependency_has_a_line_of_reason():
    project = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    assert listed is not None
    names = re.findall(r'"([a-z0-9-]+)', listed.group(1))
    reasons = (ROOT / "docs/dependencies.md").read_text()
    assert [name for name in names if f"| {name} |" not in reasons] == []


def test_the_tests_that_the_recipes_name_are_there():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/adding.md").read_text()))
    there = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert named
    assert named <= there


def test_the_pages_name_no_file_that_is_not_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def list_commands(page):
    """The words of each command of Loci's that a page shows, without the name of the program."""
    for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.DOTALL | re.MULTILINE):
        for words in [shlex.split(line, comments=True) for line in block.splitlines()]:
            for number, (word, after) in enumerate(pairwise(words), 1):
                if after in _PLACES and re.fullmatch(r"(.*/|.*-v )?loci(-memory-server)?\)?", word):
                    yield words[number:]


@pytest.mark.parametrize("page", ["running.md", "containers.md", "backup.md"])
def test_the_commands_that_a_page_shows_are_commands_with_these_options(page):
    shown = list(list_commands(page))
    assert len(shown) >= 5
    for name, *arguments in shown:
        command = load_command(name)
        if hasattr(command, "commands"):
            command = command.commands[arguments.pop(0)]
        command.make_context(name, arguments)


@pytest.mark.anyio
async def test_the_readmes_tour_prints_what_the_readme_shows(hybrid_site, settings):
    await hybrid_site.add_person("ann")
    tour = (ROOT / "README.md").read_text().partition("## Five minutes")[2]
    script, documented = [], []
    for commands, answer in re.findall(r"```sh\n(.*?)```(?:\s*```json\n(.*?)```)?", tour, re.DOTALL):
        script += [commands, f"echo; echo {END}"]
        documented.append(answer)
    printed = await run_script("\n".join(script), hybrid_site.url, settings.data_dir)
    transcript = Transcript()
    for expected, answer in zip(documented, printed, strict=True):
        if expected:
            transcript.check(json.loads(expected), json.loads(answer))


END = "-- end of a block --"


async def run_script(script, url, data_dir):
    """Return the output of each block of the script, with this server in place of the documented one."""
    script = script.replace("http://127.0.0.1:8080", url).replace(".venv/bin/loci", f"{sys.executable} -m server")
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euc",
        script,
        cwd=ROOT,
        env=os.environ | {"LOCI_DATA_DIR": str(data_dir)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode().split(END)[:-1]


def test_the_glossary_has_at_most_forty_words_and_each_of_them_once():
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    words = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    words = [word for word in words if word != "word"]
    assert 30 <= len(words) == len(set(words)) <= 40
