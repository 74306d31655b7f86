"""Real agents with homes of their own, the doubles of their models, and what their people's memories hold."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from server.store.record.people import accounts
from tests.helpers.logins.oauth_client import PASSWORD
from tests.helpers.programs.processes import find_free_port, wait_for_port
from tests.helpers.site import QUICK

ROOT = Path(__file__).parents[3]
SAID = "From now on we deploy on Tuesdays only; the staging server is called egret."


@dataclass(frozen=True)
class Agent:
    """An agent's program, its home, and the file with the requests to its model."""

    program: Path
    home: Path
    environ: dict[str, str]
    log: Path

    async def run(self, *arguments, folder=None) -> str:
        """Run a command to its end; what it prints."""
        process = await asyncio.create_subprocess_exec(
            self.program,
            *arguments,
            cwd=folder or self.home,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 240)
        assert process.returncode == 0, printed.decode()
        return printed.decode()

    async def ask(self, *arguments, folder) -> str:
        """Run a session; the first request that its model gets."""
        before = len(self.log.read_text().splitlines()) if self.log.exists() else 0
        await self.run(*arguments, folder=folder)
        return self.log.read_text().splitlines()[before]


@asynccontextmanager
async def start_double(name: str, log: Path):
    """Run the double of a model's API until the block ends; its port."""
    port = find_free_port()
    double = await asyncio.create_subprocess_exec(sys.executable, ROOT / "tests/doubles" / name, str(port), log)
    try:
        await wait_for_port(port)
        yield port
    finally:
        double.terminate()
        await double.wait()


def make_environ(home: Path, **others: str) -> dict[str, str]:
    """Return the environment of an agent: it knows its home, and who commits."""
    who = {"NAME": "eve", "EMAIL": "eve@example.com"}
    git = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in who.items()}
    return {"PATH": os.environ["PATH"], "HOME": str(home)} | git | others


async def add_user(site, name):
    """Make a user who logs in with the password of the tests."""
    async with site.services.db.write() as connection:
        await accounts.create_user(
            connection, name=name, password_hash=QUICK.hash(PASSWORD), is_admin=False, now=site.services.now()
        )


async def wait_for_memories(site, name, wanted, seconds=60):
    """Wait until a person's memories hold these words."""
    person = await site.add_person(name)
    async with asyncio.timeout(seconds):
        while True:
            listed = (await person.http.get("/v1/memories", params={"limit": 100})).json()["memories"]
            if all(any(word in each["content"] for each in listed) for word in wanted):
                return
            await asyncio.sleep(0.1)


def check_nowhere(folder: Path, word: str):
    """Check that no file of a folder holds a word."""
    for path in folder.rglob("*"):
        assert not path.is_file() or path.is_symlink() or word.encode() not in path.read_bytes(), path
