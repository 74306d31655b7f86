"""LoCoMo's form, as the published files have it."""

import json

import pytest

from benchmarks.helpers.locomo import Question, find_file, pick_evenly, read_conversations


def sample(**given):
    conversation = {
        "session_2_date_time": "9:05 am on 1 June, 2023",
        "session_2": [{"speaker": "Ann", "dia_id": "D2:1", "text": "The boat is sold."}],
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ann", "dia_id": "D1:1", "text": "Look!", "blip_caption": "a photo of a boat"},
            {"speaker": "Ben", "dia_id": "D1:2", "text": "Whose is it?"},
        ],
        "session_3_date_time": "9:05 am on 2 June, 2023",
    }
    return {"conversation": conversation, "qa": [], **given}


def make_question(*evidence, category=1):
    return {"question": "What of the boat?", "category": category, "evidence": list(evidence)}


@pytest.fixture
def reading(tmp_path):
    def of(*samples):
        path = tmp_path / "file.json"
        path.write_text(json.dumps(samples))
        return read_conversations(path)

    return of


def test_turns_come_in_the_order_in_which_they_were_said(reading):
    (conversation,) = reading(sample(sample_id="conv-9"))
    assert conversation.name == "conv-9"
    assert [turn.text for turn in conversation.turns] == [
        "Look! [shares a photo of a boat]",
        "Whose is it?",
        "The boat is sold.",
    ]
    assert conversation.turns[2].session == "session 2"
    assert conversation.turns[0].at.isoformat() == "2023-05-08T13:56:00+00:00"


@pytest.mark.parametrize("evidence", [("D1:1; D2:1",), ("D2:01", "D1:1"), ("D", "D:2:1", "D1:1", "D7:7")])
def test_evidence_is_found_however_it_is_written(reading, evidence):
    (conversation,) = reading(sample(qa=[make_question(), make_question(*evidence)]))
    assert conversation.questions == [Question(1, "What of the boat?", 1, (0, 2))]


def test_a_question_whose_evidence_is_not_there_is_left_out(reading):
    (conversation,) = reading(sample(qa=[make_question(), make_question("D9:9")]))
    assert conversation.questions == []


@pytest.mark.parametrize(
    "samples", [(), ({},), (sample(conversation={}),), (3,), (sample(sample_id="a"), sample(sample_id="a"))]
)
def test_a_file_of_another_form_is_refused(reading, samples):
    with pytest.raises(ValueError, match=r"LoCoMo's form|conversation|session_1"):
        reading(*samples)


def test_a_part_of_the_questions_is_spread_evenly():
    questions = [Question(number, "?", 1, (0,)) for number in range(10)]
    assert [question.number for question in pick_evenly(questions, 4)] == [0, 2, 5, 7]
    assert pick_evenly(questions, None) == pick_evenly(questions, 99) == questions


def test_the_environment_names_the_file_or_its_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LOCI_BENCH_DATA", str(tmp_path))
    assert find_file() == tmp_path / "locomo-dev.json"
    monkeypatch.setenv("LOCI_BENCH_DATA", str(tmp_path / "other.json"))
    assert find_file() == tmp_path / "other.json"
