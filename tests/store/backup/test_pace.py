"""The pace of a backup: steps, and rests between them."""

import time

import pytest

from server.progress import ignore_progress
from server.store.backup.pace import LONGEST_REST, REST, rest_between

pytestmark = pytest.mark.anyio

#: A timer may end a little early.
NEARLY = 0.9


async def test_each_step_is_followed_by_a_rest_in_proportion_to_what_it_took_of_the_processor():
    report = rest_between(ignore_progress)
    started = time.process_time()
    while time.process_time() - started < LONGEST_REST / 2:
        pass
    before = time.perf_counter()
    await report(1, 2)
    assert time.perf_counter() - before >= NEARLY * REST * LONGEST_REST / 2
