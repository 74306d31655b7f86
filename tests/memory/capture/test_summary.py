"""The summary of a session."""

from server.memory.capture.fingerprints import fingerprint
from server.memory.capture.summary import summarize_session
from tests.memory.capture.sessions import Session


def test_a_summary_says_what_was_asked_done_changed_and_left_open():
    session = (
        Session()
        .prompt("hi! add a date filter to the list")
        .edit("src/filter.ts")
        .run("npm test", "Tests: 1 failed", failed=True)
    )
    session.reply("The list has a date filter. The test of time zones is still failing.").prompt(
        "ok, I'll fix that tomorrow"
    ).end()
    summary = summarize_session(session.events)
    assert summary is not None
    assert summary.content == (
        "Asked: add a date filter to the list. I'll fix that tomorrow.\n"
        "Done: The list has a date filter.\n"
        "Changed: src/filter.ts.\n"
        "Open: The test of time zones is still failing. I'll fix that tomorrow. `npm test` failed last."
    )
    assert (summary.type, summary.said_by, summary.at) == ("summary", "agent", session.events[-1].at)
    assert summary.events == ("e1", "e4", "e5")


def test_a_session_of_questions_and_small_talk_has_no_summary():
    assert (
        summarize_session(Session().prompt("what is a monad?").reply("A way to chain.").run("ls", "a").end().events)
        is None
    )
    assert summarize_session([]) is None


def test_a_summary_repeats_nothing_that_the_server_told_the_agent():
    session = Session().prompt("we never deploy on Fridays. add a date filter").edit("a.ts").reply("Done so.")
    summary = summarize_session(session.events, [fingerprint("We never deploy on Fridays.")])
    assert summary is not None
    assert "Friday" not in summary.content
