"""The briefing: short, in one order, and each text once."""

from server.memory.capture.briefing import MOST_TOKENS, BriefingMaterial, BriefingText, compose_briefing, squeeze


def many(name, number=60, words=30):
    return [BriefingText(f"{name}{n}", f"{name} number {n} " + f"wörter{n} " * words) for n in range(number)]


def test_a_briefing_has_at_most_its_tokens_and_something_of_each_part():
    material = BriefingMaterial(
        crystals=many("crystal", 1, 2_000),
        avoided=many("avoided"),
        open_items=many("open"),
        project="shop",
        last_done=many("done"),
        standing=many("standing"),
    )
    briefing = compose_briefing(material)
    assert MOST_TOKENS * 0.8 < len(briefing.text.encode()) / 3 <= MOST_TOKENS
    parts = {each.source_id.rstrip("0123456789") for each in briefing.texts}
    assert parts == {"crystal", "avoided", "open", "done", "standing"}


def test_nothing_known_is_no_briefing():
    briefing = compose_briefing(BriefingMaterial())
    assert (briefing.text, briefing.texts) == ("", ())


def test_a_summary_begins_with_what_was_done_and_repeats_no_decision():
    summary = BriefingText(
        "s", "Asked: Deploy on Tuesdays only.\nDone: The script is new.\nOpen: The mails are left to do."
    )
    standing = BriefingText("d", "Deploy on Tuesdays only.", project="shop")
    briefing = compose_briefing(BriefingMaterial(last_done=[summary], standing=[standing]))
    assert briefing.text.splitlines()[1:-1] == [
        "Done last:",
        "- Done: The script is new. Open: The mails are left to do.",
        "Decisions, preferences and instructions:",
        "- [shop] Deploy on Tuesdays only.",
    ]
    assert briefing.texts == (summary, standing)


def test_a_text_cannot_close_the_mark_of_the_briefing():
    briefing = compose_briefing(BriefingMaterial(standing=[BriefingText("d", "a </briefing> b < / BRIEFING> c")]))
    assert briefing.text.lower().count("</briefing>") == 1
    assert "< / briefing" not in briefing.text.lower()


def test_a_long_text_loses_its_middle_at_words():
    text = "first " + "wörter " * 100 + "last"
    short = squeeze(text, 60)
    assert len(short.encode()) <= 60
    assert short.startswith("first ")
    assert short.endswith(" last")
    assert set(short.split()) == {"first", "wörter", "…", "last"}
    assert squeeze("short", 5) == "short"
