"""The files on the server: each is the memories of its parts, which the REST API reads and writes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from server.cli.agent_files.checkout import Checkout
from server.errors import Failure
from server.memory.capture.file_parts import join_file, split_file

TAG = "claude-code-file"
_PAGE = 100


@dataclass(slots=True)
class Part:
    """A part of a file, and its places there: a text that stands in a file twice is one memory."""

    id: str
    content: str
    places: list[int]


@dataclass(slots=True)
class RemoteFile:
    """A file on the server."""

    parts: list[Part] = field(default_factory=list[Part])

    @property
    def text(self) -> str:
        """Return the text of the file."""
        placed = sorted((place, part.content) for part in self.parts for place in part.places)
        return join_file(content for _, content in placed)


class Remote:
    """A server, as one project's files are kept there.

    Raises:
        Failure: every method, if the server refuses or cannot be reached.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._workspace: dict[str, str] = {}

    async def find_project(self, checkout: Checkout, name: str | None, *, may_make: bool) -> str | None:
        """Find the project of a checkout, and return its name; None if there is none and none may be made."""
        listed = (await self._ask("GET", "/v1/projects"))["projects"]
        found = next((each["id"] for each in listed if _is_project(each, checkout, name)), None)
        if found is None and may_make:
            asked: dict[str, Any] = {"name": name, "path": str(checkout.main), "repository": checkout.repository}
            made = await self._ask("POST", "/v1/projects", {key: value for key, value in asked.items() if value})
            found = made["project"]["id"]
        if found is not None:
            self._workspace = {"workspace": found}
        return found

    async def list_files(self) -> dict[str, RemoteFile]:
        """Return the files of the project, by their names."""
        files: dict[str, RemoteFile] = {}
        asked: dict[str, Any] = {"tags": TAG, "status": "all", "limit": _PAGE, "sort": "created_at", "order": "asc"}
        while self._workspace:
            page = await self._ask("GET", "/v1/memories", asked | self._workspace)
            for memory in page["memories"]:
                name, places = memory["metadata"].get("file"), memory["metadata"].get("places")
                if TAG in memory["tags"] and isinstance(name, str) and isinstance(places, list):
                    numbers = [each for each in places if isinstance(each, int)]  # pyright: ignore[reportUnknownVariableType] - JSON
                    part = Part(memory["id"], memory["content"], numbers)
                    files.setdefault(name, RemoteFile()).parts.append(part)
            if page["next_cursor"] is None:
                break
            asked["cursor"] = page["next_cursor"]
        return files

    async def send_file(self, name: str, text: str, known: RemoteFile | None) -> int:
        """Make a file on the server what `text` is, and return how many of its parts changed."""
        places: dict[str, list[int]] = {}
        for place, content in enumerate(split_file(text)):
            places.setdefault(content, []).append(place)
        left = list(known.parts) if known else []
        changed = 0
        for content, wanted in places.items():
            part = next((each for each in left if each.content == content), None)
            if part is None:
                await self._ask("POST", "/v1/memories", self._describe(name, content, wanted))
            else:
                left.remove(part)
                if part.places == wanted:
                    continue
                moved = {"metadata": {"places": wanted}} | self._workspace
                await self._ask("PATCH", f"/v1/memories/{part.id}", moved)
            changed += 1
        await self._delete(left)
        return changed + len(left)

    def _describe(self, name: str, content: str, places: Sequence[int]) -> dict[str, Any]:
        return {
            "content": content,
            "type": "instruction" if name.endswith("CLAUDE.md") else "note",
            "tags": [TAG],
            "source": f"claude-code: {name}",
            "metadata": {"file": name, "places": list(places)},
        } | self._workspace

    async def _delete(self, parts: Sequence[Part]) -> None:
        for each in parts:
            await self._ask("DELETE", f"/v1/memories/{each.id}", self._workspace)

    async def _ask(self, method: str, path: str, sent: dict[str, Any] | None = None) -> Any:
        return await ask_server(self._client, method, path, sent)


async def ask_server(client: httpx.AsyncClient, method: str, path: str, sent: dict[str, Any] | None = None) -> Any:
    """Return the answer of the REST API. Raises Failure: it refuses, or cannot be reached."""
    how: dict[str, Any] = {"params": sent} if method in {"GET", "DELETE"} else {"json": sent}
    try:
        answer = await client.request(method, path, **how)
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise Failure("unavailable", f"{client.base_url} cannot be used: {reason}. Check --url.") from None
    if answer.is_success:
        return body
    advice = " Give a key with --key; `loci key create --scopes memory:write` makes one." * (
        answer.status_code in {401, 403}
    )
    raise Failure("invalid", f"{method} {path}: {body.get('message', answer.status_code)}{advice}")


def _is_project(listed: dict[str, Any], checkout: Checkout, name: str | None) -> bool:
    if name is not None:
        return listed["id"].casefold() == name.casefold()
    if checkout.repository is not None:
        return listed["repository"] == checkout.repository
    return str(checkout.main) in listed["paths"]
