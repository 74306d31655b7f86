"""Every page that is written can be reached."""

import ast
from pathlib import Path

from auth.routes import build_routes

PAGES = Path(__file__).parents[2] / "auth" / "pages"


def handlers():
    """The names of the functions in `auth/pages` that answer a request."""
    for path in PAGES.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                names = [argument.arg for argument in node.args.args]
                if names == ["request"] and ast.unparse(node.returns or ast.Constant(None)) == "Response":
                    yield node.name


def test_every_handler_of_a_page_has_a_route():
    routed = {getattr(route.endpoint, "__name__", "") for route in build_routes()}
    assert set(handlers()) <= routed


def test_every_template_is_used_by_a_module_of_the_pages():
    sources = "".join(path.read_text() for path in PAGES.glob("*.py"))
    templates = {path.name for path in (PAGES / "templates").glob("*.html")} - {"base.html"}
    assert templates == {name for name in templates if f'"{name}"' in sources}
