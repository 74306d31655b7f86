"""The console in a browser, with 100,000 memories in the workspace: first paint, search as you type, size of pages.

Debian's chromium opens the list of memories again and again; the browser itself says when it first painted anything.
Then a word is typed into the search field, and the page says how long after the last key the found memories stood
there, the pause included after which the script asks. Targets: 500 ms, 150 ms, 150 kB compressed. Memories are found
by their words.
"""

import zlib
from typing import Any

from helpers.common import Figure, Site, Words, find_median, find_percentile, make_temporary_folder, show_progress
from helpers.filling import fill_workspaces
from playwright.sync_api import Page, sync_playwright

from auth.pages.navigation import PAGES

LARGE, SMALL = 100_000, 5_000
ROUNDS = 20
PAINT_MS, TYPING_MS, PAGE_KB = 500, 150, 150
FIND_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
WATCH = """() => {
    document.getElementById("q").addEventListener("input", () => { window.typed = performance.now(); });
    new MutationObserver(() => { window.shown = performance.now(); })
        .observe(document.querySelector("main"), { childList: true });
}"""


def measure(*, quick: bool) -> list[Figure]:
    """Return the figures; `quick` takes a smaller workspace and fewer rounds."""
    size, rounds = (SMALL, 5) if quick else (LARGE, ROUNDS)
    with make_temporary_folder() as folder:
        site = Site(folder, model="none")
        (filled,) = fill_workspaces(site, ["default"], size)
        with site.serving() as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            address = f"http://127.0.0.1:{server.port}"
            _log_in(page, address)
            paints = [_measure_paint(page, f"{address}/memories") for _ in show_progress(range(rounds), "first paint")]
            words = Words(seed=3)
            typed = [_measure_typing(page, address, words.make_query(filled.texts[n * 7])) for n in range(rounds)]
            sizes = {path: _measure_size(page, f"{address}{path}") for path, _ in PAGES}
            browser.close()
    largest = max(sizes, key=lambda path: sizes[path])
    return [
        _make_time(f"first contentful paint of /memories, {size:,} memories", paints, PAINT_MS),
        _make_time(f"search as you type, after the last key, {size:,} memories", typed, TYPING_MS),
        Figure(
            f"the largest page, compressed ({largest})",
            f"{sizes[largest] / 1000:.1f} kB",
            str(len(PAGES)),
            target=f"≤ {PAGE_KB} kB",
            is_met=sizes[largest] <= PAGE_KB * 1000,
        ),
    ]


def _log_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login")
    page.fill('input[name="username"]', "bench")
    page.fill('input[name="password"]', "a long enough password")
    page.locator("form button").first.click()
    page.wait_for_url(f"{address}/memories")


def _measure_paint(page: Page, url: str) -> float:
    """Return the milliseconds from the start of a navigation to the first contentful paint."""
    page.goto(url)
    page.wait_for_function(FIND_PAINT)
    return float(page.evaluate(FIND_PAINT))


def _measure_typing(page: Page, address: str, words: str) -> float:
    """Return the milliseconds from the last key of some words to the memories that they find."""
    page.goto(f"{address}/memories")
    page.evaluate(WATCH)
    page.locator("#q").press_sequentially(words[:20].strip(), delay=70)
    page.wait_for_timeout(700)
    times: Any = page.evaluate("() => window.shown - window.typed")
    return float(times)


def _measure_size(page: Page, url: str) -> int:
    """Return the bytes of a page, compressed as a proxy does it."""
    return len(zlib.compress(page.request.get(url).body(), 6))


def _make_time(name: str, times: list[float], target: int) -> Figure:
    median = find_median(times)
    value = f"{median:.0f} ms (p95 {find_percentile(times, 0.95):.0f})"
    return Figure(name, value, str(len(times)), target=f"≤ {target} ms", is_met=median <= target)
