"""Recall in other languages, at default settings: facts of a team's work, a question for each, and unrelated prompts.

A file of `languages/` is a workspace. Chinese, Japanese, Korean, Russian, Hebrew and Vietnamese have twenty facts and
ten prompts that none of them answers. The facts after the line `---` and the last five prompts were not looked at while
constants were chosen. The others have five facts and two prompts. Each set is asked with words alone, and then with
the model.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from helpers.client import Client
from helpers.common import Figure, Site, has_model, make_temporary_folder, print_figures

SETS = Path(__file__).parent / "languages"
FIRST = 3
MOST_MISSED = 0.05
MOST_FALSE = 0.1


@dataclass(frozen=True)
class LanguageSet:
    """The facts of a language, the question of each, and the prompts that have nothing to do with them."""

    name: str
    facts: list[str]
    questions: list[str]
    unrelated: list[str]


def read_set(path: Path) -> LanguageSet:
    """Read a file of `languages/`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" | ") for line in lines if " | " in line]
    unrelated = [line.removeprefix("? ") for line in lines if line.startswith("? ")]
    return LanguageSet(path.stem, [fact for fact, _ in pairs], [question for _, question in pairs], unrelated)


def measure(*, quick: bool) -> list[Figure]:
    del quick  # there is one size
    figures: list[Figure] = []
    for model in ["none", "auto"] if has_model() else ["none"]:
        with make_temporary_folder() as folder:
            site = Site(folder / "data", model=model)
            with site.serving(with_model=model != "none"), site.client() as client:
                figures += [_ask_set(client, read_set(path), model) for path in sorted(SETS.glob("*.txt"))]
    return figures


def _ask_set(client: Client, language: LanguageSet, model: str) -> Figure:
    memories = [{"content": fact} for fact in language.facts]
    client.post("/v1/memories/ingest", {"memories": memories, "workspace": language.name})
    found = [
        fact in _search(client, language.name, question)
        for fact, question in zip(language.facts, language.questions, strict=True)
    ]
    answered = sum(bool(_search(client, language.name, prompt)) for prompt in language.unrelated)
    how = "words alone" if model == "none" else "words and meaning"
    is_met = len(found) - sum(found) <= MOST_MISSED * len(found) and answered <= MOST_FALSE * len(language.unrelated)
    return Figure(
        f"recall in {language.name}, {how}",
        f"{sum(found)} in the first {FIRST}, {answered} falsely answered",
        f"{len(found)} questions, {len(language.unrelated)} unrelated",
        target="≥ 95 %, ≤ 10 %",
        is_met=is_met,
    )


def _search(client: Client, workspace: str, query: str) -> list[str]:
    answer = client.post("/v1/search", {"query": query, "workspace": workspace, "limit": FIRST})
    return [each["content"] for each in answer["memories"]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    print_figures(measure(quick=False))
