"""`kill -9` while agents report, a few rounds of what `benchmarks/capture_kill.py` does a hundred times."""

import pytest
from capture_kill import kill_rounds


@pytest.mark.timeout(240)
def test_no_event_is_lost_and_no_observation_is_made_twice(tmp_path):
    run, rounds = kill_rounds(tmp_path / "data", "loci", rounds=3, seconds=90)
    assert run.problems == []
    assert rounds
    assert any(each.event_id for each in run.reported_events)
