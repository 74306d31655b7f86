"""Every page that is written can be reached, and every template is shown by something."""

import ast
import re
from pathlib import Path

import pytest

from auth.routes import build_routes
from server.web.console.routes import make_routes

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "auth" / "pages", ROOT / "server" / "web" / "console")
EVERY_FOLDER = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def list_handlers(folder):
    """The names of the functions in a folder that answer a request."""
    for path in folder.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                names = [argument.arg for argument in node.args.args]
                if names == ["request"] and ast.unparse(node.returns or ast.Constant(None)) == "Response":
                    yield node.name


@EVERY_FOLDER
def test_every_handler_of_a_page_has_a_route(folder):
    handlers = set(list_handlers(folder))
    no_stream: object = None
    routes = [*build_routes(), *make_routes(no_stream)]  # pyright: ignore[reportArgumentType]  # nothing is asked here
    assert handlers
    assert handlers <= {getattr(route.endpoint, "__name__", "") for route in routes}


@EVERY_FOLDER
def test_every_template_is_used_and_every_template_that_is_used_is_there(folder):
    sources = "".join(path.read_text() for ending in ("*.py", "*.html") for path in folder.rglob(ending))
    templates = {str(path.relative_to(folder / "templates")) for path in (folder / "templates").rglob("*.html")}
    shared = {"base.html"}  # each template of the console extends the one of the other pages
    assert set(re.findall(r'"([\w/.-]+\.html)"', sources)) - shared == templates - shared
