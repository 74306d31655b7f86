"""The API held to its own description: schemathesis sends what /openapi.json allows, and what it forbids, to a server.

`python tests/schema_suite.py` runs it with a fixed seed, in less than a minute, and exits with 1 if a request and the
description contradict each other.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from server.config import Settings  # noqa: E402 - the path must be set first
from tests.helpers.clock import Clock  # noqa: E402
from tests.helpers.site import open_site  # noqa: E402

SEED = 20261130
SECONDS = 45
#: The first would end the key that every request uses, the second answers for a quarter of an hour; the others need a
#: language model.
LEFT_OUT = ("/v1/auth/rotate", "/v1/live", "/v1/distill", "/v1/extract")


async def check_description(folder: Path) -> int:
    """Run schemathesis against a server with nothing in it; its exit code."""
    settings = Settings(data_dir=folder, embedding_model="none", rate_limit=0, signup="open")
    async with open_site(settings, Clock()) as site:
        ann = await site.add_person("ann", scopes=("memory:write", "admin"), is_admin=True)
        arguments = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {ann.key}", *(f"--exclude-path={each}" for each in LEFT_OUT)),
            # The doors take more than the description says: numbers as text, one text for a list, "" for nothing.
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance,negative_data_rejection"),
            *("--seed", str(SEED), "--max-time", str(SECONDS), "--warnings", "off"),
            *sys.argv[1:],
        ]
        rules = {"SCHEMATHESIS_HOOKS": "schema_rules", "PYTHONPATH": str(ROOT / "tests"), "NO_COLOR": "1"}
        run = await asyncio.create_subprocess_exec(*arguments, cwd=folder, env=os.environ | rules)
        return await run.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sys.exit(asyncio.run(check_description(Path(name))))
