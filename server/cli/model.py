"""`model`: the embedding model, and the cross-encoder if one is set."""

from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TextColumn

from server.cli.common import begin_command, explain_errors, fail, make_bar, print_line, stderr
from server.config import Settings
from server.embedding_providers import LOCAL
from server.store.embedding.models.model_pull import ModelUnavailable, PullOutcome, pull_embedder, pull_reranker

MULTILINGUAL_SETTING = "multilingual"

app = typer.Typer(help="The models, which recall by meaning needs.", no_args_is_help=True, add_completion=False)


@app.command("pull")
def pull_models(
    *,
    multilingual: Annotated[
        bool,
        typer.Option("--multilingual", help="Fetch a model of some 50 languages in place of LOCI_EMBEDDING_MODEL."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with an error if a model is not available.")] = False,
) -> None:
    """Fetch the models that LOCI_EMBEDDING_MODEL and LOCI_RERANK_MODEL name.

    Without an embedding model recall ranks by keyword only. None is fetched if LOCI_EMBEDDING_PROVIDER is not local.
    """
    settings = begin_command()
    if multilingual and settings.chosen_provider != LOCAL:
        fail("--multilingual fetches a model for this machine; LOCI_EMBEDDING_PROVIDER is not local.")
    wanted = MULTILINGUAL_SETTING if multilingual else settings.embedding_model
    is_missing = fetch_models(settings, wanted, names_present=True)
    if multilingual and not is_missing and settings.embedding_model != MULTILINGUAL_SETTING:
        print_line(
            "To use it, set LOCI_EMBEDDING_MODEL=multilingual and start the server again: it then embeds all memories."
        )
    if is_missing and strict:
        raise typer.Exit(1)


def fetch_models(settings: Settings, model: str, *, names_present: bool = False) -> bool:
    """Fetch an embedding model and the set cross-encoder, and show the progress; return whether one is missing still.

    With `names_present`, the models that were here before are named too.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with explain_errors(settings), make_bar(*columns) as progress:
        task = progress.add_task("Looking for an embedding model", total=None)

        def report(step: str, done: int | None, total: int | None) -> None:
            progress.update(task, description=step, completed=done or 0, total=total)

        here = settings.models
        wanted = model if settings.chosen_provider == LOCAL else "none"
        pulled: list[PullOutcome] = []
        problems: list[str] = []
        wishes = (
            ("LOCI_EMBEDDING_MODEL", pull_embedder, wanted),
            ("LOCI_RERANK_MODEL", pull_reranker, settings.rerank_model),
        )
        for setting, fetch, name in wishes:
            try:
                pulled.append(fetch(here, name, report))
            except ModelUnavailable as error:
                problems.append(f"{setting}: {error}")
    for outcome in pulled:
        if outcome.model is not None and outcome.source != "here":
            stderr.print(f"Pulled [bold]{outcome.model.name}[/bold]")
        elif outcome.model is not None and names_present:
            print_line(f"{outcome.model.name} is in {settings.models.absolute()} already.")
    if names_present and not problems and all(outcome.model is None for outcome in pulled):
        print_line("No model is wanted: LOCI_EMBEDDING_MODEL is none, or LOCI_EMBEDDING_PROVIDER is not local.")
    for problem in problems:
        stderr.print(problem, style="yellow", markup=False)
    return bool(problems)
