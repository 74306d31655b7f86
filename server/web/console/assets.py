"""The files of the console's own pages: scripts that a page names, and no other page loads."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).parent / "static"
_HEADERS = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}

LIVE_SCRIPT = "/static/live.js"
SEARCH_SCRIPT = "/static/search.js"
IMPORT_SCRIPT = "/static/import.js"
_FILES = {
    path: (_FOLDER / path.rpartition("/")[2]).read_bytes() for path in (LIVE_SCRIPT, SEARCH_SCRIPT, IMPORT_SCRIPT)
}
PATHS = tuple(_FILES)


async def serve_asset(request: Request) -> Response:
    """GET a script."""
    return Response(_FILES[request.url.path], media_type="text/javascript", headers=_HEADERS)
