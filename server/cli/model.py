"""`model`: the embedding model."""

from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from server.cli.common import sentences, stderr
from server.config import load
from server.store.model_pull import ModelUnavailable
from server.store.model_pull import pull as fetch

app = typer.Typer(help="The embedding model, which recall by meaning needs.", no_args_is_help=True)


@app.command()
def pull(*, strict: Annotated[bool, typer.Option("--strict", help="Fail where no model can be had.")] = False) -> None:
    """Fetch the model that LOCI_EMBEDDING_MODEL names; without one, recall ranks by keyword only."""
    settings = load()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with sentences(settings), Progress(*columns, console=stderr, transient=True) as progress:
        task = progress.add_task("Looking for an embedding model", total=None)

        def report(step: str, done: int | None, total: int | None) -> None:
            progress.update(task, description=step, completed=done or 0, total=total)

        try:
            outcome = fetch(settings.data_dir / "models", settings.embedding_model, report)
        except ModelUnavailable as error:
            stderr.print(f"[yellow]{error}[/yellow]")
            raise typer.Exit(1 if strict else 0) from None
    if outcome.model is not None and outcome.source != "here":
        stderr.print(f"Embedding model: [bold]{outcome.model.name}[/bold]")
