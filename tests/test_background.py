"""The table of background work: what each row must have, and that everything reads the table."""

import pytest

from server.background.work import QUEUES, Outcome
from server.background.works import WORKS, UnknownWork, find_work, list_works


def test_each_work_starts_in_some_way():
    for work in WORKS.values():
        assert work.interval is not None or work.queue is not None, work.name
        assert work.after_midnight is None or work.interval is not None, work.name
        assert work.help is None or work.queue is not None, work.name


def test_each_filed_run_has_one_queue_that_serves_it():
    served = [name for queue in QUEUES for name in list_works(queue)]
    assert sorted(served) == sorted(work.name for work in WORKS.values() if work.queue is not None)


def test_an_unknown_work_is_refused_and_the_names_are_listed():
    assert find_work("reindex").name == "reindex"
    with pytest.raises(UnknownWork, match=r"no background work 'sleep', only .*reindex"):
        find_work("sleep")


def test_work_without_set_times_has_no_last_due_time(clock):
    with pytest.raises(ValueError, match="reindex is not due at set times"):
        WORKS["reindex"].find_last_due(clock())


def test_an_outcome_describes_its_failures_and_nothing_else():
    assert Outcome(3).describe_failure() is None
    assert Outcome(3, 1, "w: OSError").describe_failure() == (
        "It failed in 1 of 3 workspaces, first in w: OSError; the log says why."
    )
