"""A Qdrant server or cluster, through its own client.

Its writes wait until they are applied and never put a lower revision in a higher one's place. In a
shared collection every request carries the tenant's filter, and ids are the tenant's own, so that one
workspace can neither read nor overwrite another's points by any request. Replicas, time limits
and power cuts are the server's own matter.
"""

import json
import ssl
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from server.network.loopback import is_proxy_allowed
from server.store.search import checks
from server.store.search.qdrant import wire
from server.store.search.qdrant.options import CollectionOptions
from server.store.search.query_arms import add_other_scores, list_other_searches, merge_answers
from server.store.search.seam import (
    Collection,
    EngineDown,
    FoundPoints,
    Point,
    Query,
    UnusableCollection,
    WritesRefused,
)

T = TypeVar("T")

OLDEST = (1, 16)
"""The first server version that upserts conditionally; an older one would silently ignore the condition."""

KEEP_ALIVE_SECONDS = 4
"""A connection is used again for so long: less than the five seconds after which a Qdrant server closes it."""

_SLICE = 64
_WRITTEN = frozenset({"completed", "acknowledged"})
_PAGE = 1_000
_NOT_FOUND = 404
_CONFLICT = 409


class ServerEngine:
    """The `Engine` for a Qdrant server.

    Args:
        client: the client of the server; `close` closes it.
        options: how the server keeps the collections that are made from now on.
    """

    def __init__(self, client: AsyncQdrantClient, options: CollectionOptions | None = None) -> None:
        self._client = client
        self._options = options or CollectionOptions()
        self._is_version_known = False

    @classmethod
    def from_url(
        cls,
        url: str,
        api_key: str | None = None,
        options: CollectionOptions | None = None,
        *,
        timeout: int = 10,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Make the engine of the server at a URL. Nothing is sent yet.

        Args:
            url: the URL of the server.
            api_key: its API key, None if it needs none.
            options: how it keeps the collections that are made from now on.
            timeout: the seconds that a request may take.
            tls: the authorities that may have signed its certificate; None for the usual ones.
        """
        of_httpx: dict[str, Any] = {} if tls is None else {"verify": tls}
        client = AsyncQdrantClient(
            url=url,
            api_key=api_key,
            timeout=timeout,
            check_compatibility=False,
            trust_env=is_proxy_allowed(url if "://" in url else f"//{url}"),
            # By itself the client opens a connection to this machine for each request.
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
            **of_httpx,
        )
        return cls(client, options)

    async def open_collection(self, collection: Collection) -> bool:
        checks.check_collection(collection)
        await self._check_version()
        info = await _await_answer_unless(_NOT_FOUND, self._client.get_collection(collection.name))
        is_new = False
        if info is None:
            is_new = await self._create(collection)
        elif wire.find_dims(info) != collection.dims:
            raise UnusableCollection(
                f"the collection {collection.name} was made for vectors of {wire.find_dims(info)} dimensions"
            )
        indexed = info.payload_schema if info is not None else {}
        for key, schema in wire.make_index_params(collection).items():
            if key not in indexed:
                request = self._client.create_payload_index(collection.name, key, schema, wait=True)
                await _await_write(request)
        return is_new if collection.tenant is None else not await self.count_points(collection)

    async def has_collection(self, collection: Collection) -> bool:
        checks.check_collection(collection)
        if collection.tenant is not None:
            return await self.count_points(collection) > 0
        return await _await_answer(self._client.collection_exists(collection.name))

    async def upsert_points(self, collection: Collection, points: list[Point]) -> None:
        # A request for each slice: a failure in one leaves those before it written.
        checks.check_collection(collection)
        checks.check_points(collection, points)
        checks.check_tenant(collection, (point.payload for point in points))
        for start in range(0, len(points), _SLICE):
            operations = wire.make_upserts(collection, points[start : start + _SLICE])
            await _await_write(self._write(collection, operations))

    async def delete_points(self, collection: Collection, ids: list[str]) -> None:
        checks.check_collection(collection)
        checks.check_ids(ids)
        await self._delete(collection, wire.make_ids_filter(collection, ids))

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        # A request for each slice, as `upsert`.
        checks.check_collection(collection)
        checks.check_ids(patches)
        for patch in patches.values():
            checks.check_payload(patch)
        checks.check_tenant(collection, patches.values())
        operations = wire.make_patches(collection, patches)
        for start in range(0, len(operations), _SLICE):
            batch = operations[start : start + _SLICE]
            await _await_write(self._write(collection, batch), _NOT_FOUND)

    async def search_points(self, collection: Collection, query: Query) -> FoundPoints:
        # Above the server's indexing threshold the dense arm is approximate.
        checks.check_collection(collection)
        checks.check_query(collection, query)
        searches = wire.make_searches(collection, query)
        if not searches:
            return FoundPoints([], [])
        answers = await _await_answer_unless(_NOT_FOUND, self._send_queries(collection, searches))
        if answers is None:
            return FoundPoints([], [])
        with _check_answer():
            found = merge_answers(query, [wire.read_found_points(points) for points in answers])
        checks.check_owner(collection, (point.payload for point in [*found.dense, *found.text]))
        return await self._find_other_scores(collection, query, found)

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        checks.check_collection(collection)
        if not terms:
            return []
        searches = wire.make_rarity_searches(collection, terms)
        answers = await _await_answer_unless(_NOT_FOUND, self._send_queries(collection, searches))
        if answers is None:
            return [None] * len(terms)
        with _check_answer():
            return [wire.read_rarity(term, points) for term, points in zip(terms, answers, strict=True)]

    async def read_points(self, collection: Collection) -> list[Point]:
        checks.check_collection(collection)
        vectors = ["dense", "text"] if collection.dims else ["text"]
        ours = wire.make_owner_filter(collection)
        points: list[Point] = []
        offset = None
        while True:
            request = self._client.scroll(
                collection.name, ours, limit=_PAGE, offset=offset, with_payload=True, with_vectors=vectors
            )
            page = await _await_answer_unless(_NOT_FOUND, request)
            records, offset = page if page is not None else ([], None)
            points += map(wire.point_from_record, records)
            if offset is None:
                break
        checks.check_owner(collection, (point.payload for point in points))
        return points

    async def read_revisions(self, collection: Collection, ids: list[str]) -> dict[str, int]:
        checks.check_collection(collection)
        checks.check_ids(ids)
        if not ids:
            return {}
        request = self._client.scroll(
            collection.name, wire.make_ids_filter(collection, ids), limit=len(ids), with_payload=True
        )
        page = await _await_answer_unless(_NOT_FOUND, request)
        records = page[0] if page is not None else []
        checks.check_owner(collection, (record.payload or {} for record in records))
        return {wire.find_memory_id(record): wire.read_revision(record) for record in records}

    async def count_points(self, collection: Collection) -> int:
        checks.check_collection(collection)
        request = self._client.count(collection.name, wire.make_owner_filter(collection), exact=True)
        answer = await _await_answer_unless(_NOT_FOUND, request)
        return answer.count if answer is not None else 0

    async def flush_collection(self, collection: Collection) -> None:
        # A server answers a write when it has logged and applied it, and has no verb for more.
        checks.check_collection(collection)

    async def drop_collection(self, collection: Collection) -> None:
        checks.check_collection(collection)
        if collection.tenant is None:
            await _await_write(self._client.delete_collection(collection.name), _NOT_FOUND)
        else:
            await self._delete(collection, wire.make_owner_filter(collection))

    async def list_names(self) -> set[str]:
        return set()

    async def ping(self) -> None:
        await self._check_version()
        await _await_answer(self._client.get_collections())

    async def close(self) -> None:
        await self._client.close()

    async def _check_version(self) -> None:
        if self._is_version_known:
            return
        version = (await _await_answer(self._client.info())).version
        try:
            number = tuple(int(part) for part in version.split(".")[:2])
        except ValueError:
            raise EngineDown("the server at the URL names no version, so it is no Qdrant server") from None
        if number < OLDEST:
            raise EngineDown(f"Qdrant {version} is too old: {OLDEST[0]}.{OLDEST[1]} or newer is needed")
        self._is_version_known = True

    async def _create(self, collection: Collection) -> bool:
        """Make the collection; return False if another process has made it first."""
        # In a shared collection every search is of one tenant, so only graphs within a tenant are worth building.
        within_tenants = models.HnswConfigDiff(m=0, payload_m=16) if collection.tenant is not None else None
        options = self._options
        request = self._client.create_collection(
            collection.name,
            vectors_config=wire.make_vector_params(collection, is_on_disk=options.is_on_disk),
            sparse_vectors_config={"text": options.make_sparse_params()},
            shard_number=options.shards or None,
            replication_factor=options.replicas or None,
            write_consistency_factor=options.write_consistency or None,
            on_disk_payload=options.is_on_disk or None,
            hnsw_config=within_tenants,
            quantization_config=options.make_quantization(),
        )
        return await _await_write(request, _CONFLICT) is not None

    async def _find_other_scores(self, collection: Collection, query: Query, found: FoundPoints) -> FoundPoints:
        """Return the points with their scores in the other arm. This takes a second trip to the server."""
        others = list_other_searches(query, found)
        searches = wire.make_searches_of_ids(collection, others)
        answers = await _await_answer_unless(_NOT_FOUND, self._send_queries(collection, searches)) if searches else None
        if answers is None:
            return found
        with _check_answer():
            points = [wire.read_found_points(each) for each in answers]
        checks.check_owner(collection, (point.payload for each in points for point in each))
        return add_other_scores(found, others, [[(point.id, point.score) for point in each] for each in points])

    async def _send_queries(self, collection: Collection, searches: list[wire.Json]) -> list[list[wire.Json]]:
        """Return the points that each search finds."""
        answer = await self._post(collection, "query/batch", {"searches": searches})
        with _check_answer():
            return [list(each["points"]) for _, each in zip(searches, answer["result"], strict=True)]

    async def _write(self, collection: Collection, operations: list[wire.Json]) -> None:
        """Carry out operations, and return when they are applied. Raises `WritesRefused` if the server says no."""
        answer = await self._post(collection, "batch?wait=true", {"operations": operations})
        with _check_answer():
            left = [each["status"] for each in answer["result"] if each["status"] not in _WRITTEN]
        if left:
            raise WritesRefused(f"the Qdrant server has not applied a write ({left[0]})")

    async def _post(self, collection: Collection, verb: str, body: wire.Json) -> wire.Json:
        """Send JSON that the client neither checks nor builds, and return the answer as JSON."""
        return await self._client.http.client.request(
            type_=dict[str, Any],
            method="POST",
            url=f"/collections/{{name}}/points/{verb}",
            path_params={"name": collection.name},
            headers={"Content-Type": "application/json"},
            content=json.dumps(body).encode(),
        )

    async def _delete(self, collection: Collection, points: models.Filter) -> None:
        request = self._client.delete(collection.name, models.FilterSelector(filter=points), wait=True)
        await _await_write(request, _NOT_FOUND)


class _RefusedByServer(EngineDown):
    """The server answered with an error status."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"the Qdrant server refused with status {status}")
        self.status = status


class _TooLate(EngineDown):
    """The server took the request, and did not answer within the time limit."""


@contextmanager
def _check_answer() -> Generator[None]:
    """Raise `EngineDown` if an answer is not made as a Qdrant server makes it."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise EngineDown(f"the Qdrant server does not answer as one ({type(error).__name__})") from None


async def _await_answer(request: Awaitable[T]) -> T:
    """Return the server's answer; every failure is raised as `EngineDown`.

    The message names only the status or the kind of failure. The text of an answer, or an address with a
    password in it, must not reach logs and callers.
    """
    try:
        return await request
    except UnexpectedResponse as error:
        raise _RefusedByServer(error.status_code) from None
    except (ApiException, QdrantException, ValueError) as error:
        source = getattr(error, "source", error)
        failure = _TooLate if isinstance(source, (httpx.ReadTimeout, httpx.WriteTimeout)) else EngineDown
        raise failure(f"the Qdrant server does not answer ({type(source).__name__})") from None


async def _await_answer_unless(status: int, request: Awaitable[T]) -> T | None:
    """Return the server's answer, or None if it is this status."""
    try:
        return await _await_answer(request)
    except _RefusedByServer as refused:
        if refused.status != status:
            raise
        return None


async def _await_write(request: Awaitable[T], expected: int | None = None) -> T | None:
    """Return the server's answer to a write, or None if it is the expected status.

    Raises:
        WritesRefused: the server can be reached, but refuses the write, or does not answer it in time.
        EngineDown: the server cannot be reached, or the collection is gone.
    """
    try:
        return await _await_answer(request)
    except _TooLate as late:
        raise WritesRefused(str(late)) from None
    except _RefusedByServer as refused:
        if refused.status == expected:
            return None
        if refused.status == _NOT_FOUND:
            raise
        raise WritesRefused(str(refused)) from None
