"""The hook stands in nobody's way: it is silent and quick whatever happens, and keeps its key to itself."""

import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.integrations.hooks import CURL, NO_CURL, Hook, stand_in

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(CURL is None, reason=NO_CURL)]

EVENTS = {
    "SessionStart": {"source": "startup"},
    "UserPromptSubmit": {"prompt": "what is the staging server called?"},
    "BeforeAgent": {"prompt": "what is the staging server called?"},
    "Stop": {"last_assistant_message": "The staging server is called egret"},
    "AfterAgent": {"prompt_response": "The staging server is called egret"},
}
HOOK_OUTPUT = b'"hookSpecificOutput": {"hookEventName": "Stop", "additionalContext": "x"}'
RUBBISH = {
    "nothing": b"",
    "a page": b"<html><body>Sign in</body></html>",
    "a list": b'[{"context": "x", "crystal": "x", %b}]' % HOOK_OUTPUT,
    "half an object": b'{"crystal": "x", "context": "x", %b, "sections": [{"heading": "x", "content": "x' % HOOK_OUTPUT,
    "two objects": b'{"crystal": "x", "context": "x", %b}{"context": "x"}' % HOOK_OUTPUT,
    "a bare line break": b'{"crystal": "x\n", "context": "x\n", %b}' % HOOK_OUTPUT,
    "an escape that is none": b'{"crystal": "\\x", "context": "\\u00g0", %b}' % HOOK_OUTPUT,
    "other types": b'{"crystal": {"x": "x"}, "context": ["x"], "skip_matches": "x", "sections": 1, "total_items": "x", '
    b'"hookSpecificOutput": "x"}',
    "an error": b'{"error": "internal", "message": "x", "content": [{"type": "text", "text": "x"}]}',
    "bytes": bytes(range(256)) * 100,
}


@pytest.fixture
def hook(tmp_path):
    """The hook of somebody who has a key."""
    return Hook(tmp_path, {"LOCI_API_KEY": "mp_live_secret"})


def make_event(event):
    """The event that a client sends to the hook."""
    return json.dumps({"hook_event_name": event, "session_id": "s-1"} | EVENTS[event]).encode()


async def is_silent(hook, event, **env):
    """Whether the hook prints nothing at all; `run` sees to its exit code."""
    return await hook.run(make_event(event), **env) == ("", "")


@pytest.mark.parametrize("event", EVENTS)
async def test_a_server_that_is_away_or_never_answers_is_silence(hook, event):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert await is_silent(hook, event, LOCI_URL=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    async with stand_in(status=None) as stand:
        assert await is_silent(hook, event, LOCI_URL=stand.url, LOCI_HOOK_SECONDS="0.2")
    assert len(stand.asked) <= 1  # no second request is made after one that failed


@pytest.mark.parametrize("event", ["SessionStart", "BeforeAgent", "Stop"])
@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "429 Too Many Requests", "500 Oops"])
async def test_a_refusal_is_silence_even_if_it_looks_like_an_answer(hook, event, status):
    async with stand_in(status, b'{"context": "x", "crystal": "x", "id": "x", %b}' % HOOK_OUTPUT) as stand:
        assert await is_silent(hook, event, LOCI_URL=stand.url)
    assert stand.asked


@pytest.mark.parametrize(("event", "captures"), [("Stop", True), ("SessionStart", False), ("BeforeAgent", False)])
@pytest.mark.parametrize("body", RUBBISH.values(), ids=RUBBISH)
async def test_rubbish_is_silence_from_every_door(hook, event, captures, body):
    async with stand_in(body=body, captures=captures) as stand:
        assert await is_silent(hook, event, LOCI_URL=stand.url)
    assert stand.asked


@pytest.mark.parametrize(
    "sent",
    [*RUBBISH.values(), b'{"hook_event_name": "PreToolUse"}', b'{"hook_event_name": "UserPromptSubmit", "prompt": 10}'],
)
async def test_an_input_that_is_none_is_silence_and_asks_for_nothing_to_show(hook, sent):
    async with stand_in(captures=False) as stand:
        assert await hook.run(sent, LOCI_URL=stand.url) == ("", "")
    assert len(stand.asked) == 1


async def test_a_key_that_is_revoked_or_wrong_is_silence(hook, ann):
    assert await is_silent(hook, "SessionStart", LOCI_URL=ann.url)


async def test_without_a_key_nothing_is_asked_and_the_input_is_read_to_its_end(hook):
    async with stand_in() as stand:
        prompt = json.dumps({"hook_event_name": "UserPromptSubmit", "prompt": "so " * 100_000}).encode()
        assert await hook.run(prompt, LOCI_URL=stand.url, LOCI_API_KEY="") == ("", "")
    assert stand.asked == []


async def test_without_curl_or_awk_it_is_silent_too_and_reads_its_input_to_its_end(hook, tmp_path):
    prompt = json.dumps({"hook_event_name": "UserPromptSubmit", "prompt": "so " * 100_000}).encode()
    for missing in ("curl", "awk"):
        path = str(watched(tmp_path / missing, leave_out=missing))
        assert await hook.run(prompt, PATH=path) == ("", "")


def watched(folder: Path, leave_out=None) -> Path:
    """A folder with the commands that the hook may use; each writes down its arguments, and curl what it is told."""
    folder.mkdir()
    shell = shutil.which("sh")
    assert shell is not None
    (folder / "sh").symlink_to(shell)
    for name in {"curl", "awk", "cat", "dirname"} - {leave_out}:
        script = f'printf "%s\\n" {name} "$@" >>{folder}/arguments\n'
        if name == "curl":
            script += f"cat <&3 >{folder}/config; exec 3<{folder}/config\n"
        (folder / name).write_text(f'#!/bin/sh\n{script}exec {shutil.which(name)} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("event", EVENTS)
async def test_neither_key_nor_text_is_ever_on_a_command_line(hook, event, tmp_path):
    folder = watched(tmp_path / "bin")
    body = b'{"context": "the answer", "crystal": "the answer", "sections": []}'
    async with stand_in(body=body, captures=False) as stand:
        output, errors = await hook.run(make_event(event), LOCI_URL=stand.url, PATH=str(folder))
    arguments = (folder / "arguments").read_text()
    assert {"awk", "curl"} <= set(arguments.split())
    for secret in ("secret", "staging", "egret", "s-1", "the answer"):
        assert secret not in arguments
    assert "secret" not in output + errors
    for head, _ in stand.asked:
        assert "\r\nAuthorization: Bearer mp_live_secret\r\n" in head


async def test_a_request_has_three_seconds_and_no_more(hook, tmp_path):
    folder = watched(tmp_path / "bin")
    async with stand_in() as stand:
        await hook.run(make_event("BeforeAgent"), LOCI_URL=stand.url, PATH=str(folder), LOCI_HOOK_SECONDS="")
    assert "\nmax-time = 3\n" in (folder / "config").read_text()


async def test_a_trace_says_what_is_wrong_without_the_key(hook, ann):
    traced = {"LOCI_HOOK_TRACE": "1", "LOCI_URL": ann.url}
    assert await hook.run(make_event("SessionStart"), **traced) == (
        "",
        "curl: (22) The requested URL returned error: 401\n",
    )
    _, errors = await hook.run(make_event("SessionStart"), **traced, LOCI_API_KEY="")
    assert errors == f"loci: no key in LOCI_API_KEY, and none in {hook.home}/.config/loci/key\n"


async def test_a_request_to_this_machine_passes_by_a_proxy(hook):
    async with stand_in() as proxy, stand_in(body=b'{"context": "egret"}', captures=False) as stand:
        env = {"LOCI_URL": stand.url, "http_proxy": proxy.url, "NO_PROXY": "example.com"}
        assert "egret" in await hook.read_context("BeforeAgent", prompt="what is the staging server called?", env=env)
    assert proxy.asked == []
