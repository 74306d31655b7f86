"""The server's memory: idle, and with 128 workspaces of 100 memories open at once.

Resident memory counts the pages of mapped files, which the system takes back when it needs them; so the anonymous part,
which it cannot, is named beside it. `latency.py` reads the same at 1,000, 10,000 and 100,000 memories.
"""

from helpers.common import Figure, Site, has_model, make_temporary_folder, show_progress
from helpers.filling import fill_workspaces

OPEN = 128
EACH = 100


def measure(*, quick: bool) -> list[Figure]:
    count = OPEN // 8 if quick else OPEN
    with make_temporary_folder() as folder:
        site = Site(folder / "data", model="none")
        with site.serving() as process:
            bare = process.megabytes()
        site.model = "auto" if has_model() else "none"
        workspaces = [f"workspace {number}" for number in range(count)]
        filled = fill_workspaces(site, workspaces, EACH)
        with site.serving(with_model=has_model()) as process, site.client() as client:
            idle = process.megabytes()
            for name, each in show_progress(list(zip(workspaces, filled, strict=True)), "opening workspaces"):
                answer = client.post("/v1/context", {"message": each.texts[0], "workspace": name})
                assert answer["memories"]["matches"]
            full = process.megabytes()
    what = "with the model" if has_model() else "no model"
    return [
        _make_figure("RSS idle, no model", bare, "1 server"),
        _make_figure(f"RSS idle, {what}", idle, "1 server"),
        _make_figure(f"RSS with {count} open workspaces", full, f"{count} x {EACH} memories", idle, count),
    ]


def _make_figure(
    name: str, measured: tuple[int, int], n: str, idle: tuple[int, int] | None = None, count: int = 1
) -> Figure:
    resident, anonymous = measured
    reference = "" if idle is None else f"idle {idle[0]} MB: {(resident - idle[0]) / count:.1f} MB a workspace"
    return Figure(name, f"{resident} MB, {anonymous} of it anonymous", n, reference)
