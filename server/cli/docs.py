"""`docs`: the page of the API, from the operations themselves."""

from pathlib import Path
from typing import Annotated

import typer

from server.cli.common import fail, stderr

PAGE, SOURCES = Path("docs/api.md"), Path("docs/api")


def write_docs(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with code 1 if the page is not current.")
    ] = False,
) -> None:
    """Write docs/api.md, the page of the API, from the operations and docs/api. For developers of Loci."""
    # with the catalogue, a second of imports that no other command needs
    from server.cli.api_page import PageError, render_page  # noqa: PLC0415 - see above

    if not SOURCES.is_dir():
        fail(f"There is no folder {SOURCES} here. Run this in the root folder of Loci's source code.")
    try:
        page = render_page(SOURCES)
    except PageError as error:
        fail(str(error))
    is_current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page
    if check and not is_current:
        fail(f"{PAGE} is not current. Run `loci docs`.")
    if not is_current:
        PAGE.write_text(page, encoding="utf-8")
    stderr.print(f"{PAGE} is current.")
