"""What is reported: cleaned before it is stored, and read in the fields of several agents' hooks."""

from datetime import UTC, datetime
from time import thread_time

import pytest

from server.memory.capture.cleaning import PAYLOAD_BYTES, clean_payload, measure
from server.memory.capture.payloads import read_event
from server.memory.capture.private import ELEMENTS, cut_private

AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a <private>x</private> b", "a  b"),
        ("a <PRIVATE >x", "a "),
        ("x</private> b", " b"),
        ("a <private>b<private>c</private>d</private>e", "a e"),
        ("<system-reminder>q<private>z</system-reminder>k", "k"),
        ("a \\u003cprivate\\u003ex\\u003c/private\\u003e b", "a  b"),
        ("&lt;private&gt;x&lt;/private&gt;b", "b"),
        ("<private why='x>y'>z</private>b", "b"),
        ("a <private", "a "),
        ("privateer <privateer>q</privateer>", "privateer <privateer>q</privateer>"),
        ("a private matter", "a private matter"),
    ],
)
def test_private_parts_are_cut(text, left):
    assert cut_private(text) == left


@pytest.mark.parametrize("name", ELEMENTS)
def test_each_element_is_cut_in_any_case(name):
    assert cut_private(f"a<{name.upper()}>x</{name}>b") == "ab"


@pytest.mark.parametrize("piece", ["<private>", "</private>", "<private ", "<system-reminder><private>", "<   "])
def test_texts_that_are_made_to_be_slow_are_not(piece):
    started = thread_time()
    cut_private(piece * (2_000_000 // len(piece)))
    assert thread_time() - started < 5


def test_a_payload_is_bounded_whatever_makes_it_large():
    for large in ("x" * 1_000_000, ["line\n"] * 200_000, {str(n): "v" * 90 for n in range(20_000)}, {"k" * 900_000: 1}):
        assert measure(clean_payload(large)) <= PAYLOAD_BYTES


def test_a_long_text_loses_its_middle():
    cut = clean_payload({"out": f"first{'x' * 1_000_000}last"})["out"]
    assert cut.startswith("first")
    assert cut.endswith("last")
    assert "characters cut" in cut


@pytest.mark.parametrize(
    ("event_type", "payload", "expected"),
    [
        ("user_prompt", {"prompt": "hi", "cwd": "/srv"}, ("prompt", "hi", None, {}, "", False, "/srv")),
        ("", {"hook_event_name": "UserPromptSubmit", "prompt": "hi"}, ("prompt", "hi", None, {}, "", False, None)),
        (
            "tool_use",
            {"tool_name": "Bash", "tool_input": '{"command": "ls"}', "tool_response": {"stdout": "a", "stderr": ""}},
            ("tool", "", "Bash", {"command": "ls"}, "a", False, None),
        ),
        (
            "PostToolUse",
            {"tool_name": "Bash", "tool_input": {"command": "x"}, "tool_response": {"exit_code": 2, "output": "no"}},
            ("tool", "", "Bash", {"command": "x"}, "no", True, None),
        ),
        (
            "PostToolUseFailure",
            {"tool_name": "Edit", "tool_input": {}, "error": "gone"},
            ("tool", "", "Edit", {}, "gone", True, None),
        ),
        (
            "beforeSubmitPrompt",
            {"prompt": "hi", "conversation_id": "c", "workspace_roots": ["/srv", "/x"]},
            ("prompt", "hi", None, {}, "", False, "/srv"),
        ),
        (
            "afterShellExecution",
            {"command": "ls", "output": "a", "duration": 3},
            ("tool", "", "Shell", {"command": "ls"}, "a", False, None),
        ),
        (
            "",
            {"hook_event_name": "afterFileEdit", "file_path": "/a", "edits": [{"old_string": "a", "new_string": "b"}]},
            (
                "tool",
                "",
                "Edit",
                {"file_path": "/a", "edits": [{"old_string": "a", "new_string": "b"}]},
                "",
                False,
                None,
            ),
        ),
        ("afterAgentResponse", {"text": "Done."}, ("reply", "Done.", None, {}, "", False, None)),
        ("AfterAgent", {"prompt": "hi", "prompt_response": "Done."}, ("reply", "Done.", None, {}, "", False, None)),
        (
            "AfterTool",
            {
                "tool_name": "run_shell_command",
                "tool_input": {"command": "x"},
                "tool_response": {"llmContent": "no", "returnDisplay": "no", "error": {"message": "x"}},
            },
            ("tool", "", "run_shell_command", {"command": "x"}, "no", True, None),
        ),
        ("Stop", {"last_assistant_message": "Done."}, ("reply", "Done.", None, {}, "", False, None)),
        (
            "assistant_message",
            {"message": [{"type": "text", "text": "A"}, 5]},
            ("reply", "A", None, {}, "", False, None),
        ),
        ("SessionEnd", {"reason": "exit"}, ("end", "", None, {}, "", False, None)),
        ("surprise", [1, 2], ("other", "", None, {}, "", False, None)),
        ("tool_use", None, ("tool", "", None, {}, "", False, None)),
    ],
)
def test_an_event_is_read_from_the_fields_of_its_hook(event_type, payload, expected):
    event = read_event("e", event_type, payload, AT)
    assert (
        event.kind,
        event.text,
        event.tool,
        dict(event.arguments),
        event.result,
        event.failed,
        event.folder,
    ) == expected
