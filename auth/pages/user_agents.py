"""The browser and the system of a session in words, from the header by which browsers describe themselves."""

#: What the header says, and the name; the first that fits, because browsers claim to be their forerunners as well.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def name_browser(user_agent: str | None) -> tuple[str | None, str | None]:
    """Return the names of the browser and of the system; None for each that is not known."""
    header = user_agent or ""
    return _find_name(_BROWSERS, header), _find_name(_SYSTEMS, header)


def _find_name(table: tuple[tuple[str, str], ...], header: str) -> str | None:
    return next((name for mark, name in table if mark in header), None)
