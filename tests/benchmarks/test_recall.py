"""The recall benchmark, as one runs it: a small file through the real server, and a run held against another."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "benchmarks" / "recall.py"


def sample(author, *sessions):
    conversation = {}
    for number, texts in enumerate(sessions, 1):
        conversation[f"session_{number}_date_time"] = f"1:56 pm on {number} May, 2023"
        conversation[f"session_{number}"] = [
            {"speaker": author, "dia_id": f"D{number}:{place}", "text": text} for place, text in enumerate(texts, 1)
        ]
    return conversation


SAMPLES = [
    {
        "conversation": sample("Ann", ["We adopted a greyhound.", "He is fast."], ["The oven broke again."]),
        "qa": [
            {"question": "Which greyhound was adopted?", "category": 4, "evidence": ["D1:1"]},
            {"question": "When did the oven break?", "category": 2, "evidence": ["D2:1", "D1:1"]},
            {"question": "Why?", "category": 3, "evidence": []},
        ],
    },
    {
        "conversation": sample("Ben", ["I repaired the violin.", "It took a month."]),
        "qa": [{"question": "What was done to the violin?", "category": 5, "evidence": ["D1:1"]}],
    },
]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(SAMPLES))
    return path


def test_a_run_prints_its_figures_and_keeps_ranks_but_no_text(file, tmp_path):
    before, kept = tmp_path / "before.json", tmp_path / "rows.json"
    nothing = {"ranks": {"product": {"turn": [None], "session": [None]}}, "milliseconds": 1, "returned": 0}
    row = {"conversation": "0", "question": 0, "category": 4, "elsewhere": 0}
    before.write_text(json.dumps({"questions": [row | nothing]}))
    done = run(file, "--conversations", "0", "--json", kept, "--compare", before)
    assert done.returncode == 0, done.stderr
    assert "conversations 1, memories 3, questions 2" in done.stdout
    for words in ("turn level", "session level", "BM25 alone", "p50 / p95 / p99", "+100.0 to +100.0 *"):
        assert words in done.stdout
    rows = json.loads(kept.read_text())["questions"]
    assert [(row["conversation"], row["question"], row["category"]) for row in rows] == [("0", 0, 4), ("0", 1, 2)]
    assert rows[0]["ranks"]["product"] == {"turn": [1], "session": [1]}
    assert all(row["elsewhere"] is not None for row in rows), "the next conversation was not asked"
    assert not any(word in kept.read_text() for word in ("greyhound", "violin", "oven"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--conversations", "0,2"], "the file has the conversations 0 to 1"),
        (["--conversations", "a"], "the file has the conversations 0 to 1"),
        (["--limit", "0"], "it is at least 1"),
        (["--compare", "missing.json"], "missing.json"),
        (["--json", "missing/rows.json"], "missing"),
    ],
)
def test_a_wrong_argument_is_told_in_a_sentence_before_anything_runs(file, arguments, words):
    done = run(file, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_data_set_it_says_which_file_is_missing(tmp_path):
    done = run(LOCI_BENCH_DATA=str(tmp_path))
    assert done.returncode == 2
    assert "locomo-dev.json" in done.stderr
