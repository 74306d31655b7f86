"""Two accounts with the same data never see each other, by any route, tool, page or resource.

LOCI_TEST_RANDOM_REQUESTS is the number of requests; 10,000 take some minutes.
"""

import logging
import os
from random import Random

import pytest

from tests.helpers.arguments import arrange_calls
from tests.helpers.doors import call_rest
from tests.helpers.two_accounts import SCOPES, Side, Walk, list_crossings, list_targets

log = logging.getLogger(__name__)
pytestmark = pytest.mark.anyio

REQUESTS = int(os.environ.get("LOCI_TEST_RANDOM_REQUESTS", "250"))
#: After so many requests the ids of both are read again, and each gets what it may have deleted.
ROUND = 250


async def fill_account(site, name):
    """Store the same things as for the other one, and a word in the places that hold texts that nobody else has."""
    person = await site.add_person(name, SCOPES)
    word = f"only{name}heliotrope"
    calls = await arrange_calls(person)
    await store_word(person, word, 0)
    return Side(person, word, calls)


async def store_word(person, word, number):
    """Put a word where texts are kept; by a number, as the text of before may be erased and stay forgotten."""
    told = {"content": f"The {word} is in kettle {number}", "tags": [word], "entity": word, "project": word}
    await call_rest(person, "store_memory", told)
    await call_rest(person, "update_working_memory", {"section": "active_work", "content": word})
    await call_rest(person, "add_item", {"category": "active_work", "title": word})
    await call_rest(person, "add_skip", {"item": word, "reason": "cold", "expires": "2099-01-01"})
    await call_rest(person, "update_identity", {"crystal": word})
    await call_rest(person, "add_golden", {"query": word, "text": word})
    await call_rest(person, "create_key", {"name": word})
    await call_rest(person, "record_event", {"type": "user_prompt", "payload": word})


@pytest.mark.timeout(120 + REQUESTS // 10)
async def test_two_accounts_with_the_same_data_never_see_each_other(site, clock):
    sides = await fill_account(site, "ann"), await fill_account(site, "ben")
    walk = Walk(site, sides, seed=11)
    targets, waiting = list_targets(), []
    for number in range(REQUESTS):
        if number % ROUND == 0:
            for side in sides if number else ():
                await store_word(side.person, side.word, number)
            await walk.refresh()
        if not waiting:
            waiting = Random(number).sample(targets, len(targets))  # noqa: S311 - the same walk every time
        await walk.step(number, waiting.pop())
        clock.move(seconds=1)
    one, other = (side.person for side in sides)
    assert await list_crossings(site.services.db, one, other) == []
    assert await list_crossings(site.services.db, other, one) == []
    log.info("%s requests of %s targets; statuses: %s", REQUESTS, len(targets), walk.statuses)
