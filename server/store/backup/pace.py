"""The pace of a backup: after each step it rests, so that it never takes a processor for itself.

Its low priority (`server.cli.record.backup`) is not enough: between two services or two logins Linux shares the
processors out evenly, whatever the priorities inside them are.
"""

import asyncio
import time

from server.progress import Progress

#: The seconds of rest for each second of the processor that a step took, and the most of them after one step.
REST, LONGEST_REST = 0.5, 0.1


def rest_between(progress: Progress) -> Progress:
    """Return a progress that rests after each step, in proportion to the processor time that the step took."""
    before = time.process_time()

    async def report_and_rest(done: int, total: int) -> None:
        nonlocal before
        await progress(done, total)
        await asyncio.sleep(min(LONGEST_REST, REST * (time.process_time() - before)))
        before = time.process_time()

    return report_and_rest
