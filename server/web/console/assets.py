"""The files of the console's own pages: scripts that a page names, and no other page loads."""

import gzip
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).parent / "static"
_HEADERS = {"cache-control": "public, max-age=3600", "vary": "accept-encoding", "x-content-type-options": "nosniff"}

LIVE_SCRIPT = "/static/live.js"
SEARCH_SCRIPT = "/static/search.js"
IMPORT_SCRIPT = "/static/import.js"
EXPORT_SCRIPT = "/static/export.js"
GRAPH_SCRIPT = "/static/graph.js"
#: The parts of D3 that the graph needs, as one file. static/vendor/README.md has their origin and digests.
D3 = "/static/d3.js"
_PARTS = (
    "d3-dispatch-3.0.1",
    "d3-timer-3.0.1",
    "d3-quadtree-3.0.1",
    "d3-color-3.1.0",
    "d3-ease-3.0.1",
    "d3-interpolate-3.0.1",
    "d3-selection-3.0.0",
    "d3-drag-3.0.0",
    "d3-transition-3.0.1",
    "d3-zoom-3.0.0",
    "d3-force-3.0.0",
)
_FILES = {
    path: (_FOLDER / path.rpartition("/")[2]).read_bytes()
    for path in (LIVE_SCRIPT, SEARCH_SCRIPT, IMPORT_SCRIPT, EXPORT_SCRIPT, GRAPH_SCRIPT)
}
_FILES[D3] = b"\n".join((_FOLDER / "vendor" / f"{name}.min.js").read_bytes() for name in _PARTS)
PATHS = tuple(_FILES)
_COMPRESSED = {path: gzip.compress(content, mtime=0) for path, content in _FILES.items()}


async def serve_asset(request: Request) -> Response:
    """GET a script, compressed for a browser that takes it so."""
    path = request.url.path
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = _HEADERS | {"content-encoding": "gzip"}
        return Response(_COMPRESSED[path], media_type="text/javascript", headers=headers)
    return Response(_FILES[path], media_type="text/javascript", headers=_HEADERS)
