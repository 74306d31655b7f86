"""`kill -9` and power cuts, a few rounds of what `benchmarks/kill.py` does two hundred times."""

import pytest
from kill import kill_rounds


@pytest.mark.timeout(240)
def test_what_was_acknowledged_survives_and_nothing_is_half_done(tmp_path):
    run, rounds = kill_rounds(tmp_path / "data", "loci", rounds=5, seconds=90)
    assert run.problems == []
    assert rounds
    assert run.checked
