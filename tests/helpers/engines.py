"""Engines that are counted, held up or down, and makers of what they are given."""

import asyncio
import json
from types import SimpleNamespace
from typing import cast
from uuid import UUID, uuid4

import httpx
import numpy as np
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from server.store.search.seam import Collection, EngineDown, Point, SparseVector


class WatchedEngine:
    """An engine that counts its calls, can be down, and calls `before[verb]` and `after[verb]` around a verb."""

    def __init__(self, engine):
        self.engine = engine
        self.is_down = False
        self.calls = []
        self.before = {}
        self.after = {}

    def __getattr__(self, verb):
        method = getattr(self.engine, verb)

        async def call(*args):
            self.calls.append((verb, args))
            if self.is_down and verb != "close":
                raise EngineDown("switched off")
            if verb in self.before:
                await self.before[verb](*args)
            answer = await method(*args)
            if verb in self.after:
                await self.after[verb](*args)
            return answer

        return call

    def count_calls(self, verb):
        return sum(name == verb for name, _ in self.calls)


class Gate:
    """A hook that waits at its first passing until it is opened; `reached` tells that somebody waits."""

    def __init__(self):
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, *_):
        if not self.reached.is_set():
            self.reached.set()
            await self.opened.wait()


DIMS = 4


def imitate_server(client: AsyncQdrantClient) -> AsyncQdrantClient:
    """A client whose in-memory mode answers as a server does."""
    return cast("AsyncQdrantClient", ServerImitation(client))


class ServerImitation:
    """The client's in-memory mode, which has its own way to say that a collection is not there.

    It has no REST client, so requests in JSON are carried out here.
    """

    def __init__(self, client):
        self._client = client
        self.http = SimpleNamespace(client=SimpleNamespace(request=self._carry_out))

    async def _carry_out(self, *, url, path_params, content, **_):
        body, name = json.loads(content), path_params["name"]
        if url.endswith("/query/batch"):
            batch = models.QueryRequestBatch.model_validate(body)
            found = await self.query_batch_points(name, batch.searches)
            return {"result": [each.model_dump(mode="json") for each in found]}
        operations = models.UpdateOperations.model_validate(body).operations
        await self.batch_update_points(name, operations, wait=True)
        return {"result": []}

    def __getattr__(self, name):
        method = getattr(self._client, name)

        async def ask(*args, **kwargs):
            try:
                return await method(*args, **kwargs)
            except ValueError as error:
                if "not found" not in str(error):
                    raise
                raise UnexpectedResponse(404, "Not Found", b"", httpx.Headers()) from error

        return ask


class Maker:
    """Short ways to say a collection, a point and its vectors."""

    dims = DIMS

    @staticmethod
    def id(number):
        return str(UUID(int=number))

    @staticmethod
    def vector(*values):
        return np.array(values + (0,) * (DIMS - len(values)), dtype=np.float32)

    def collection(self, dims=DIMS, tenant=None):
        return Collection(f"test-{uuid4().hex}", dims, tenant)

    def point(self, number, *, revision=1, dense=(1,), windows=None, text=(7,), **payload):
        """Point `number`, with the dense vector `dense` padded with zeros, and a weight of 1 for each term."""
        return Point(
            id=self.id(number),
            revision=revision,
            text=SparseVector(list(text), [1.0] * len(text)),
            payload=payload,
            dense=self.vector(*dense) if dense is not None else None,
            windows=np.stack([self.vector(*window) for window in windows]) if windows else None,
        )
