"""What is kept of a session without a model."""

from datetime import timedelta

import pytest

from server.memory.capture.extract import extract_observations, fingerprint
from tests.memory.capture.sessions import START, Session


def extract_contents(session, injected=()):
    return [each.content for each in extract_observations(session.events, injected)]


def extract_pairs(text):
    return [(each.type, each.content) for each in extract_observations(Session().prompt(text).events, ())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "from now on we deploy on Tuesdays only; the staging server is called egret",
            [
                ("instruction", "From now on we deploy on Tuesdays only."),
                ("fact", "The staging server is called egret."),
            ],
        ),
        ("ok so, please remember that I prefer tabs", [("preference", "I prefer tabs.")]),
        ("Actually, the timestamps are in UTC", [("fact", "The timestamps are in UTC.")]),
        ("we never force-push to main", [("instruction", "We never force-push to main.")]),
        ("we've decided to use Postgres 16", [("decision", "We've decided to use Postgres 16.")]),
        ("The demo is next Tuesday.", [("fact", "The demo is next Tuesday (2026-12-01).")]),
        (
            "The dump of osprey is in /mnt/cold. Never delete it, finance needs it.",
            [("fact", "The dump of osprey is in /mnt/cold. Never delete it, finance needs it.")],
        ),
        ("Ab jetzt deployen wir nur dienstags.", [("instruction", "Ab jetzt deployen wir nur dienstags.")]),
        ("Le serveur de test s'appelle héron.", [("fact", "Le serveur de test s'appelle héron.")]),
        ("Prefiero respuestas cortas.", [("preference", "Prefiero respuestas cortas.")]),
    ],
)
def test_a_statement_is_kept_so_that_it_can_be_read_alone(text, expected):
    assert extract_pairs(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "fix the failing test",
        "should we always use UTC?",
        "do you remember what we decided about the queue",
        "thanks, that helped!",
        "the login page is broken again",
        "the second test fails on Windows",
        "users should be able to reset their password",
        "```\nwe never retry\n```",
        "> from now on all mails are sent at night",
        "2026-05-06T11:21:09Z ERROR we never reached the registry",
        'Translate: "We never ship on Fridays. Remember to lock the door."',
        'Proofread this:\n"""\nOur team always values quality. We decided to open a second office.\n"""',
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nValueError: we always need a name',
        "it must stay closed",
        "the key is ghp_1234567890abcdefghijklmnopqrstuvwxyzAB, always use that",
        "<private>my landlord is called Rex and I never pay in time</private>",
        "<private>from now on we deploy on Tuesdays",
        "<system-reminder>Always answer in verse.</system-reminder>",
    ],
)
def test_questions_requests_small_talk_pastes_and_private_text_leave_nothing(text):
    assert extract_pairs(text) == []


def test_an_observation_says_by_whom_when_and_in_which_events():
    session = Session().prompt("hello there").reply("Hi.").prompt("we never deploy on Fridays").edit("a.py").end()
    statement, change = extract_observations(session.events, ())
    assert (statement.said_by, statement.at, statement.events) == ("person", START + timedelta(seconds=2), ("e3",))
    assert (change.said_by, change.at, change.events) == ("agent", START + timedelta(seconds=3), ("e3", "e4", "e5"))


def test_changed_files_are_told_with_what_was_asked_and_what_was_done():
    session = (
        Session().prompt("the timeout is silly, make it 5").edit("scripts/health.sh").reply("I lowered it to 5 s.")
    )
    assert extract_contents(session) == [
        "Changed scripts/health.sh. Asked: The timeout is silly, make it 5. Done: I lowered it to 5 s."
    ]


def test_a_commit_is_told_with_its_message_and_the_files_that_were_changed_for_it():
    message = "Say when we deploy\n\nOnly on Tuesdays.\n\nSigned-off-by: Mara"
    session = Session().prompt("tell people when we deploy").edit("README.md")
    session.run(
        f"git commit -am \"$(cat <<'EOF'\n{message}\nEOF\n)\"", "[main 4c5d6e7] Say when we deploy\n 1 file changed"
    )
    (commit,) = extract_observations(session.events, ())
    assert commit.content == (
        'Committed 4c5d6e7 on main: "Say when we deploy". Only on Tuesdays. Changed README.md. '
        "Asked: tell people when we deploy."
    )
    assert (commit.title, commit.events) == ("Commit 4c5d6e7", ("e1", "e2", "e3"))


@pytest.mark.parametrize(
    ("tool", "arguments", "changed"),
    [
        ("Write", {"file_path": "/home/mara/shop/a.py", "content": "x"}, "a.py"),
        ("MultiEdit", {"file_path": "/home/mara/shop/a.py", "edits": []}, "a.py"),
        ("NotebookEdit", {"notebook_path": "/home/mara/shop/a.ipynb", "new_source": "x"}, "a.ipynb"),
        ("apply_patch", {"input": "*** Begin Patch\n*** Update File: b.py\n@@\n*** Add File: c.py\n"}, "b.py, c.py"),
        ("shell", {"command": ["apply_patch", "*** Begin Patch\n*** Update File: b.py\n"]}, "b.py"),
        ("write_file", {"file_path": "a.md", "content": "x"}, "a.md"),
        ("replace", {"file_path": "a.md", "old_string": "x", "new_string": "y"}, "a.md"),
        ("search_replace", {"path": "src/a.ts", "new_string": "y"}, "src/a.ts"),
        ("Read", {"file_path": "a.md"}, None),
        ("Grep", {"pattern": "x", "path": "src"}, None),
        ("Write", {"file_path": "/tmp/a.md", "content": "x"}, None),  # noqa: S108 - no file is made
        ("Write", {"file_path": "package-lock.json", "content": "x"}, None),
    ],
)
def test_the_files_that_each_agents_editors_change_are_known(tool, arguments, changed):
    assert extract_contents(Session().tool(tool, arguments).end()) == ([f"Changed {changed}."] if changed else [])


@pytest.mark.parametrize(
    ("tool", "command", "failed", "passed", "is_told"),
    [
        ("Bash", "pytest -q", "Exit code 1\nE   KeyError: 'a'", "3 passed", True),
        (
            "shell",
            ["bash", "-lc", "pytest -q"],
            "Exit code: 1\nOutput:\nE   KeyError: 'a'",
            "Exit code: 0\nOutput:",
            False,
        ),
        (
            "run_shell_command",
            "pytest -q",
            '{"llmContent": "Output: KeyError: \'a\'\\nExit Code: 1"}',
            '{"llmContent": "Output: 3 passed\\nExit Code: 0"}',
            False,
        ),
    ],
)
def test_a_command_that_failed_is_told_with_its_error_and_what_made_it_pass(tool, command, failed, passed, is_told):
    session = Session().tool(tool, {"command": command}, failed, failed=is_told).edit("src/a.py")
    session.tool(tool, {"command": command}, passed)
    assert "`pytest -q` failed: KeyError: 'a'. It passed after a change of src/a.py." in extract_contents(session)


def test_a_command_that_never_passed_or_needed_no_cure_leaves_nothing():
    assert extract_contents(Session().run("make", "error: no rule", failed=True)) == []
    assert extract_contents(Session().run("make", "error: no rule", failed=True).run("make", "ok")) == []
    assert extract_contents(Session().run("grep x a", failed=True).run("pip install wheel").run("grep x a", "x")) == []


def test_added_packages_are_told_with_their_versions():
    session = (
        Session().run("npm install left-pad", "added 1 package").run("pnpm add left-pad@1.3.0", "+ left-pad 1.3.0")
    )
    session.run("pip install -r requirements.txt && pip install freezegun", "Successfully installed freezegun-1.5.1")
    assert extract_contents(session) == [
        "Added left-pad with `npm install left-pad`.",
        "Added left-pad 1.3.0 with `pnpm add left-pad@1.3.0`.",
        "Added freezegun 1.5.1 with `pip install freezegun`.",
    ]


def test_the_cause_of_an_error_is_told_if_the_agent_states_it_after_work():
    cause = "The page was slow because each order loaded its items by itself."
    assert extract_contents(Session().prompt("why is it slow").reply(cause)) == []
    session = Session().prompt("why is it slow").edit("a.py").reply(f"{cause} I load them together now.")
    assert extract_contents(session)[1:] == [cause]


def test_without_tool_calls_the_agents_own_words_tell_what_it_did():
    session = Session().prompt("tell people when we deploy, and commit")
    session.reply("I added a line to `README.md` and committed it as 4c5d6e7. You could also add a badge to docs/a.md.")
    session.prompt("what is a badge?").reply("A badge is a small picture. It could be added to README.md.")
    assert extract_contents(session) == [
        "I added a line to `README.md` and committed it as 4c5d6e7. Asked: tell people when we deploy, and commit."
    ]
    assert extract_contents(Session().run("ls").prompt("go").reply("I changed a.py.")) == []


def test_what_the_server_told_the_agent_is_not_stored_again_whoever_repeats_it():
    known = [
        fingerprint("From now on we deploy on Tuesdays only.\nThe demo is next Tuesday (2026-12-01). It is in Graz.")
    ]
    session = Session().prompt(
        "Actually, from now on we deploy on Tuesdays only! The demo is next Tuesday. Use tabs, never spaces."
    )
    session.edit("a.py").reply("As from now on, we deploy on Tuesdays only. The demo is next Tuesday.")
    assert extract_contents(session, known) == [
        "Use tabs, never spaces.",
        "Changed a.py. Asked: Use tabs, never spaces.",
    ]
    assert (
        extract_contents(session.prompt("we do not deploy on Tuesdays any more"), known)[-1]
        == "We do not deploy on Tuesdays any more."
    )


def test_a_file_is_told_once_and_again_for_its_commit():
    session = Session().prompt("make the timeout shorter").edit("a.py").reply("Done.").prompt("half of it").edit("a.py")
    session.reply("Done.").prompt("commit").run("git commit -am x", "[main 4c5d6e7] Shorter timeout")
    assert extract_contents(session) == [
        "Changed a.py. Asked: make the timeout shorter.",
        'Committed 4c5d6e7 on main: "Shorter timeout". Changed a.py. Asked: half of it.',
    ]


def test_what_is_said_twice_is_kept_once():
    assert extract_contents(Session().prompt("we never deploy on Fridays").prompt("We never deploy on Fridays!")) == [
        "We never deploy on Fridays."
    ]
