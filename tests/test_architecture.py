"""The promises of the layers, held against the code itself."""

import ast
import importlib.metadata
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
FOLDERS = ("server", "auth", "tools", "integrations")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "versions" not in path.parts)
LINES, FUNCTION_LINES, MODULES = 400, 60, 22


def test_the_layers_point_inwards(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True, cache_dir=None) == 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_fit_on_a_few_screens_and_say_what_they_are(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert len(source.splitlines()) <= LINES
    assert ast.get_docstring(tree), "no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("name", FOLDERS)
def test_a_package_of_ours_comes_from_this_repository(name):
    assert Path(__import__(name).__file__).parent == ROOT / name


def test_no_distribution_ships_a_package_of_our_names():
    assert not set(FOLDERS) & set(importlib.metadata.packages_distributions())


def test_no_module_of_ours_has_the_name_of_one_of_pythons_at_the_top():
    assert {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} == set(FOLDERS)


def test_the_store_names_no_environment_variable_and_no_field_of_a_request():
    for path in (ROOT / "server/store").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "LOCI_" not in text, f"{path}: the composition root and the doors know the settings' names"
        assert "server.errors" not in text, f"{path}: raise an error of the store's own; tools add the field and words"


def test_every_test_has_the_name_of_a_sentence():
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                assert node.name.count("_") >= 3, f"{path.name}: {node.name}"


def test_a_folder_has_so_few_modules_that_a_person_reads_them_as_one_list():
    folders = {path.parent for top in (*FOLDERS, "tests", "benchmarks") for path in (ROOT / top).rglob("*.py")}
    for folder in folders - {ROOT / "server/store/migrations/versions"}:  # each step of the schema stays for ever
        modules = {path.name for path in folder.glob("*.py")} - {"__init__.py", "conftest.py"}
        assert len(modules) <= MODULES, f"{folder.relative_to(ROOT)} has {len(modules)} modules: make rooms in it"
