"""What holds for every session, however odd: it takes bounded time, its output is bounded, and secrets stay out."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.memory.capture.extract import LONGEST_CONTENT, MOST_OBSERVATIONS, extract_observations, fingerprint
from server.memory.capture.models import CapturedEvent
from server.memory.capture.summary import LONGEST_SUMMARY, summarize_session
from tests.memory.capture.sessions import START, Session

KEY = "ghp_1234567890abcdefghijklmnopqrstuvwxyzAB"
HIDDEN = "our zebra stable is called Quagga"
KNOWN = "the walrus server is named Odobenus"
SENTENCES = st.sampled_from(
    [
        *(KEY, f"the token is {KEY}.", f"we always use {KEY}\n", f"<private>{HIDDEN}</private>", HIDDEN, f"{KNOWN}. "),
        *(
            f"As you know, {KNOWN}; ",
            "from now on we deploy on Tuesdays only. ",
            "It must never be deleted. ",
            "</private>",
        ),
        *(
            "fix it",
            "next Tuesday ",
            "in 99 years ",
            "```",
            '"""',
            "- ",
            "> ",
            "\n",
            ": ",
            "please remember that ",
            "\u2026",
        ),
        *("*** Update File: a.py\n", "[main 4c5d6e7] Say so\n", "Exit code: 1\n", "The cause was a lack of sleep. "),
    ]
)
TEXTS = st.lists(SENTENCES | st.text(max_size=30), max_size=8).map("".join)
COMMANDS = st.sampled_from(["pytest", "git commit -m x", "npm install a b", "cd x && make", f"curl -H {KEY}"]) | TEXTS
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "command": COMMANDS | st.lists(COMMANDS, max_size=3) | st.integers() | st.none(),
        "file_path": TEXTS | st.integers(),
        "content": TEXTS,
        "input": TEXTS | st.none(),
    },
)
EVENTS = st.lists(
    st.builds(
        CapturedEvent,
        id=st.text(max_size=3),
        kind=st.sampled_from(["prompt", "tool", "reply", "end", "other"]),
        at=st.datetimes(timezones=st.just(UTC)),
        text=TEXTS,
        tool=st.sampled_from(["Bash", "Edit", "shell", "apply_patch", "Read", ""]) | st.none(),
        arguments=ARGUMENTS,
        result=TEXTS | st.just('{"stdout": 1}') | st.just("{" * 5),
        failed=st.booleans(),
        folder=st.sampled_from([None, "", "/", "/home/mara"]),
    ),
    max_size=8,
)


@settings(max_examples=100)
@given(EVENTS)
def test_no_session_raises_and_none_leaves_more_than_it_holds_or_a_secret(events):
    hide = CapturedEvent("h", "prompt", START, f"<private>{HIDDEN}</private>", None, {}, "", False, None)
    events = [hide, *events]
    found = extract_observations(events, [fingerprint(f"{KNOWN}."), fingerprint("")])
    summary = summarize_session(events, [fingerprint(KNOWN)])
    given_characters = sum(len(each.text) + len(each.result) + len(str(each.arguments)) for each in events)
    assert sum(len(each.content) for each in found) <= 4 * given_characters + 200 * len(events)
    for each in [*found, *([summary] if summary else [])]:
        text = f"{each.content} {each.title}".lower()
        assert KEY.lower() not in text
        # "Quaggafrom" is another word than the one that was private.
        assert re.search(rf"{HIDDEN.lower()}\b", text) is None
        assert KNOWN.lower() not in text
        assert each.content.strip()
        assert set(each.events) <= {event.id for event in events}


@settings(max_examples=50)
@given(EVENTS)
def test_events_that_come_in_one_by_one_leave_the_same_as_all_at_once(events):
    events = [replace(each, id=str(place)) for place, each in enumerate(events)]
    one_by_one = [
        each
        for count in range(1, len(events) + 1)
        for each in extract_observations(events[:count], [])
        if each.events[-1] == events[count - 1].id
    ]
    assert one_by_one == extract_observations(events, [])


LONG = 1_000_000
MONSTERS = {
    "lines": "we never do it\n" * (LONG // 15),
    "no blanks": "a" * LONG,
    "blanks": " " * LONG,
    "small words": "the " * (LONG // 4),
    "names": "our x.y_z-w " * (LONG // 12),
    "dots": "." * LONG,
    "quotes": '"' * LONG,
    "brackets": "<private" * (LONG // 8),
    "tags": "<private>" * (LONG // 9),
    "colons": "summarize a: " * (LONG // 13),
    "settings": "a: b\n" * (LONG // 5),
    "commas": "no, ok, so, " * (LONG // 12),
    "numbers": "1. " * (LONG // 3),
    "errors": "Error: " * (LONG // 7),
    "bars": "`" * LONG,
}


@pytest.mark.parametrize("name", MONSTERS)
def test_a_megabyte_takes_less_than_seconds_whatever_it_is(name):
    text = MONSTERS[name]
    session = Session().prompt(text).run(text, text, failed=True).run(text, text).run(f"npm install {text}", text)
    session.tool("apply_patch", {"input": text}, text).run(f"git commit -m '{text}'", text).reply(text).end()
    started = process_time()
    found = extract_observations(session.events, [fingerprint(text)])
    summary = summarize_session(session.events)
    assert process_time() - started < 10
    assert all(len(each.content) <= LONGEST_CONTENT for each in found)
    assert summary is None or len(summary.content) <= LONGEST_SUMMARY


def test_the_time_grows_with_the_number_of_events_and_no_faster():
    def take(number):
        session = Session()
        for each in range(number):
            session.prompt(f"the server number {each} is called egret{each}").run(f"tool{each} x", failed=each % 2 == 0)
            session.edit(f"src/{each}.py").reply("It failed because of the weather, so I changed the roof.")
        started = process_time()
        found = extract_observations(session.events, [])
        return process_time() - started, found

    take(50)
    short, _ = take(250)
    long, found = take(2500)
    assert len(found) == MOST_OBSERVATIONS
    assert long < 30 * short + 0.5


def test_the_result_is_the_same_in_each_run_and_needs_no_clock():
    session = Session(datetime(1, 1, 2, tzinfo=UTC)).prompt("the demo was two years ago and last week").edit("a.py")
    assert extract_observations(session.events, []) == extract_observations(session.events, [])
