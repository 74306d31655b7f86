"""Rounds of `kill -9`: their loop and their command line, for the benchmarks that kill a server."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from helpers.common import make_temporary_folder, show_progress


class KillRun(Protocol):
    """The rounds on one data folder, and the problems that were found in them."""

    problems: list[str]

    def run_round(self) -> None:
        """Start a server, work, and kill it."""

    def check_all(self) -> None:
        """Check everything after the last round."""

    def summarize(self) -> str:
        """Return a line about what was done."""
        ...


R = TypeVar("R", bound=KillRun)


def run_rounds(run: R, rounds: int, seconds: float) -> tuple[R, int]:
    """Run so many rounds, or until the time is over or a problem is found; return the run and the rounds done."""
    started, done = time.perf_counter(), 0
    for _ in show_progress(range(rounds), "killing the server"):
        if run.problems or time.perf_counter() - started > seconds:
            break
        run.run_round()
        done += 1
    if not run.problems:
        run.check_all()
    return run, done


def make_parser(description: str | None, *, rounds: int, seconds: float) -> argparse.ArgumentParser:
    """Return the command line of rounds, with their usual number and time."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help="how often a process is killed")
    parser.add_argument("--seconds", type=float, default=seconds, help="after how long no round is begun any more")
    parser.add_argument("--seed", default="loci", help="what chance begins with")
    return parser


def run_command(arguments: argparse.Namespace, make_run: Callable[[Path, str], KillRun]) -> int:
    """Run the rounds, and print what was found. Return the exit code: 1 if anything is wrong."""
    started = time.perf_counter()
    with make_temporary_folder() as folder:
        run, done = run_rounds(make_run(folder / "data", arguments.seed), arguments.rounds, arguments.seconds)
        print(f"{done} rounds in {time.perf_counter() - started:.0f} s: {run.summarize()}")
        for problem in run.problems[:20]:
            print(problem)
    return 1 if run.problems or not done else 0
