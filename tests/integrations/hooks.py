"""Runs the hook as an agent's client does, and stands in for servers that misbehave."""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
HOOK = ROOT / "integrations/hook/hook.sh"
#: A loaded machine may take longer than the three seconds that the hook gives a request.
PATIENCE = {"LOCI_HOOK_SECONDS": "60"}
CURL = shutil.which("curl")
NO_CURL = "curl is not here: apt-get install curl"


@dataclass
class Hook:
    """The hook in the environment of one client."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    async def run(self, given: bytes, *arguments: str, **env) -> tuple[str, str]:
        """Return its two outputs; it always exits with 0."""
        # No repository, unless the test names one: that of this checkout may have a remote.
        places = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_DIR": str(self.home / "none")}
        environ = places | PATIENCE | self.env | env
        return await run_command(("sh", str(HOOK), *arguments), environ, given)

    async def read_context(self, event, *, escaped=False, env=None, **given) -> str | None:
        """The context that it gives to the agent on an event; None where it prints nothing."""
        given = {"session_id": "s-1", "cwd": "/tmp", "hook_event_name": event} | given  # noqa: S108 - a name only
        output, errors = await self.run(json.dumps(given, ensure_ascii=escaped).encode(), **(env or {}))
        assert errors == ""
        if output == "":
            return None
        answer = json.loads(output)
        assert answer.keys() == {"hookSpecificOutput"}
        assert answer["hookSpecificOutput"].keys() == {"hookEventName", "additionalContext"}
        assert answer["hookSpecificOutput"]["hookEventName"] == event
        return answer["hookSpecificOutput"]["additionalContext"]


async def run_command(command: Sequence[str], environ: dict[str, str], given: bytes) -> tuple[str, str]:
    """Run a command that exits with 0 and reads its input to its end; its two outputs."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(given)
    output, errors, _ = await asyncio.gather(process.stdout.read(), process.stderr.read(), close_input(process.stdin))
    assert await process.wait() == 0
    return output.decode(), errors.decode()


async def close_input(stdin):
    """Write out what is left, and close. A hook that did not read its input is a BrokenPipeError here."""
    await stdin.drain()
    stdin.close()
    await stdin.wait_closed()


@dataclass
class Stand:
    """A server that says one thing, whatever it is asked; `asked` has the heads and bodies."""

    url: str
    asked: list[tuple[str, bytes]]


@asynccontextmanager
async def stand_in(status: str | None = "200 OK", body=b"{}", *, captures=True):
    """A server on loopback with one answer; with a status of None it takes the request and never answers.

    If it does not capture, it does not know the route of hooks.
    """
    asked, forever = [], asyncio.Event()

    async def answer(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((line[16:] for line in head.lower().splitlines() if line.startswith("content-length: ")), "0")
        if "expect: 100-continue" in head.lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        asked.append((head, await reader.readexactly(int(length))))
        if status is None:
            await forever.wait()
        else:
            found = status if captures or not head.startswith("POST /v1/hooks ") else "404 Not Found"
            writer.write(f"HTTP/1.1 {found}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield Stand(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked)
    finally:
        forever.set()
        server.close()
        await server.wait_closed()
