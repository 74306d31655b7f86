"""Many clients at once: their questions, and the time that each recall takes."""

import threading
import time

from helpers.client import Client
from helpers.common import Site, Words, make_chance
from helpers.filling import Filled


def make_questions(filled: list[Filled], count: int) -> list[tuple[int, str]]:
    """Make distinct questions, each with the number of the workspace that it is about."""
    words, chance = Words(seed=31), make_chance(37)
    questions: dict[str, int] = {}
    while len(questions) < count:
        number = len(questions) % len(filled)
        questions[words.make_query(chance.choice(filled[number].texts))] = number
    return [(number, text) for text, number in questions.items()]


def ask_all(
    site: Site, names: list[str], questions: list[tuple[int, str]], clients: int, seconds: float
) -> list[float]:
    """Ask questions with so many clients; return the milliseconds of each recall.

    The clients take the questions from the end of one list, until it or the time is used up. What is left stays there.
    """
    times, problems = list[float](), list[BaseException]()
    until = time.monotonic() + seconds

    def ask_questions() -> None:
        try:
            with site.client() as client:
                while questions and time.monotonic() < until:
                    number, text = questions.pop()
                    started = time.perf_counter()
                    send_recall(client, names[number], text)
                    times.append((time.perf_counter() - started) * 1000)
        except (OSError, AssertionError, IndexError) as error:
            problems.append(error)

    threads = [threading.Thread(target=ask_questions) for _ in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not problems, problems
    return times


def send_recall(client: Client, workspace: str, text: str) -> None:
    """Ask a question, which counts as no use. Only one that begins with "warm up" may find nothing."""
    answer = client.post("/v1/context", {"message": text, "workspace": workspace, "track_access": False})
    assert answer["memories"]["matches"] or text.startswith("warm up"), answer
