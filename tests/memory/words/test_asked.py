"""The words of a question: several ways to write one word count as one, and grammar says nothing."""

import pytest

from server.memory.recall.question import Question

MISSING, RARE = 4.0, 2.0


def judge(text, *held, **how):
    """The rarities by which a memory is judged, if the workspace has only these terms."""
    question = Question(text, **how)
    rarities = [RARE if term in held else MISSING for term in question.terms]
    return question.leave_out_unmissed(rarities, MISSING)[0]


@pytest.mark.parametrize(
    "text",
    [
        "你好呀",
        "谢谢你",
        "こんにちは",
        "안녕하세요",
        "これは何ですか",
        "これはどうですか",
        "누구의 것인가요?",
        "что это такое",
        "מה זה",
        "ما هذا",
        "यह क्या है",
        "was ist das denn",
        "qu'est-ce que c'est",
        "cos'è questo",
        "o que é isso",
        "wat is dit dan",
        "co to jest",
        "đây là gì",
    ],
)
def test_a_question_of_only_stop_words_in_any_language_looks_for_next_to_nothing(text):
    assert len(judge(text)) <= 1


def test_a_question_of_only_english_stop_words_looks_for_them():
    assert Question("to be or not to be").terms == ["to", "be", "or", "not"]


def test_a_single_word_does_not_tell_its_language():
    assert Question("one").shown_words == ["one"]


def test_a_word_in_two_spellings_is_missed_once():
    assert judge("9f3c2ab1d0", "9f3c2ab") == [RARE]
    assert judge("9f3c2ab1d0") == [MISSING]
    assert judge("getUserByEmail", "get", "user", "email") == [RARE] * 3
    assert judge("get_user_id", "user", "id", "get") == [RARE] * 3


def test_pairs_of_characters_across_words_are_not_missed():
    assert judge("备份什么时候跑", "备份") == [RARE]
    assert judge("数据库备份在哪里", "数据", "备份") == [RARE, RARE, MISSING]


def test_a_sign_is_looked_for_but_not_missed_beside_words():
    assert judge("who deployed 🐳") == [MISSING]
    assert judge("who deployed 🐳", "🐳") == [MISSING, RARE]
    assert judge("🐳") == [MISSING]


def test_stop_words_are_those_of_the_language_of_the_question():
    assert Question("Welche Datenbank haben wir für die Rechnungen?").shown_words == ["datenbank", "rechnungen"]
    assert Question("did the war die down in Paris").shown_words == ["war", "die", "paris"]
    assert Question("was it der Plan", "german").shown_words == ["it", "plan"]


def test_a_vietnamese_word_counts_by_its_pairs_and_its_marks():
    asked = Question("thời tiết Hà Nội")
    assert "thời tiết" in asked.terms
    assert dict(zip(asked.terms, asked.weights, strict=True))["thời"] < 1
