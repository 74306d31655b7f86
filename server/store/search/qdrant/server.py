"""A Qdrant server or cluster, through its own client.

Its writes wait until they are applied and never put a lower revision in a higher one's place. In a
shared collection every request carries the tenant's filter, and ids are the tenant's own, so that one
workspace can neither read nor overwrite another's points whatever it asks for. What a server does with
replicas, time limits and power cuts is its own affair.
"""

from collections.abc import Awaitable
from typing import Any, Self, TypeVar

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from server.store.search import checks
from server.store.search.points import nearest, ordered, rarity
from server.store.search.qdrant import wire
from server.store.search.seam import Collection, EngineDown, Hits, Point, Query, UnusableCollection

T = TypeVar("T")

OLDEST = (1, 16)
"""The first server version that upserts conditionally; an older one would ignore the condition without a word."""

_SLICE = 64
_PAGE = 1_000
_NOT_FOUND = 404
_CONFLICT = 409


class ServerEngine:
    """The `Engine` for a Qdrant server.

    Args:
        client: speaks to the server; closed by `close`.
    """

    def __init__(self, client: AsyncQdrantClient) -> None:
        self._client = client
        self._version_known = False

    @classmethod
    def from_url(cls, url: str, api_key: str | None = None, *, timeout: int = 10) -> Self:
        """The engine at a URL; `timeout` is in seconds, for each request. Nothing is sent yet."""
        return cls(AsyncQdrantClient(url=url, api_key=api_key, timeout=timeout, check_compatibility=False))

    async def open(self, collection: Collection) -> bool:
        checks.check_collection(collection)
        await self._check_version()
        info = await _answer_unless(_NOT_FOUND, self._client.get_collection(collection.name))
        made = False
        if info is None:
            made = await self._create(collection)
        elif wire.dims(info) != collection.dims:
            raise UnusableCollection(
                f"the collection {collection.name} was made for vectors of {wire.dims(info)} dimensions"
            )
        indexed = info.payload_schema if info is not None else {}
        for key, schema in wire.indexes(collection).items():
            if key not in indexed:
                await _answer(self._client.create_payload_index(collection.name, key, schema, wait=True))
        return made if collection.tenant is None else not await self.count(collection)

    async def exists(self, collection: Collection) -> bool:
        checks.check_collection(collection)
        if collection.tenant is not None:
            return await self.count(collection) > 0
        return await _answer(self._client.collection_exists(collection.name))

    async def upsert(self, collection: Collection, points: list[Point]) -> None:
        # A request for each slice: a failure in one leaves those before it written.
        checks.check_collection(collection)
        checks.check_points(collection, points)
        checks.check_tenant(collection, (point.payload for point in points))
        for start in range(0, len(points), _SLICE):
            operations = wire.upserts(collection, points[start : start + _SLICE])
            await _answer(self._client.batch_update_points(collection.name, operations, wait=True))

    async def delete(self, collection: Collection, ids: list[str]) -> None:
        checks.check_collection(collection)
        checks.check_ids(ids)
        await self._delete(collection, wire.these(collection, ids))

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        # A request for each slice, as `upsert`.
        checks.check_collection(collection)
        checks.check_ids(patches)
        for patch in patches.values():
            checks.check_payload(patch)
        checks.check_tenant(collection, patches.values())
        operations = wire.patches(collection, patches)
        for start in range(0, len(operations), _SLICE):
            some = operations[start : start + _SLICE]
            call = self._client.batch_update_points(collection.name, some, wait=True)
            await _answer_unless(_NOT_FOUND, call)

    async def search(self, collection: Collection, query: Query) -> Hits:
        # Above the server's indexing threshold the dense arm is approximate.
        checks.check_collection(collection)
        checks.check_query(collection, query)
        asked = wire.requests(collection, query)
        if not asked:
            return Hits([], [])
        responses = await _answer_unless(_NOT_FOUND, self._client.query_batch_points(collection.name, asked))
        if responses is None:
            return Hits([], [])
        answers = [wire.hits(response.points) for response in responses]
        checks.check_owner(collection, (hit.payload for answer in answers for hit in answer))
        text = ordered(answers.pop()) if wire.has_text(query) else []
        dense = nearest(answers[0], answers[1], query.limit) if answers else []
        return Hits(dense, text)

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        checks.check_collection(collection)
        if not terms:
            return []
        asked = wire.best_for(collection, terms)
        responses = await _answer_unless(_NOT_FOUND, self._client.query_batch_points(collection.name, asked))
        if responses is None:
            return [None] * len(terms)
        answers = [response.points for response in responses]
        return [
            rarity(term, best[0].score, wire.text_of(best[0])) if best else None
            for term, best in zip(terms, answers, strict=True)
        ]

    async def read_points(self, collection: Collection) -> list[Point]:
        checks.check_collection(collection)
        vectors = ["dense", "text"] if collection.dims else ["text"]
        ours = wire.ours(collection)
        points: list[Point] = []
        offset = None
        while True:
            call = self._client.scroll(
                collection.name, ours, limit=_PAGE, offset=offset, with_payload=True, with_vectors=vectors
            )
            page = await _answer_unless(_NOT_FOUND, call)
            records, offset = page if page is not None else ([], None)
            points += map(wire.point, records)
            if offset is None:
                break
        checks.check_owner(collection, (point.payload for point in points))
        return points

    async def count(self, collection: Collection) -> int:
        checks.check_collection(collection)
        call = self._client.count(collection.name, wire.ours(collection), exact=True)
        answer = await _answer_unless(_NOT_FOUND, call)
        return answer.count if answer is not None else 0

    async def flush(self, collection: Collection) -> None:
        # A server answers a write when it has logged and applied it, and has no verb for more.
        checks.check_collection(collection)

    async def drop(self, collection: Collection) -> None:
        checks.check_collection(collection)
        if collection.tenant is None:
            await _answer_unless(_NOT_FOUND, self._client.delete_collection(collection.name))
        else:
            await self._delete(collection, wire.ours(collection))

    async def list_names(self) -> set[str]:
        return set()

    async def ping(self) -> None:
        await self._check_version()
        await _answer(self._client.get_collections())

    async def close(self) -> None:
        await self._client.close()

    async def _check_version(self) -> None:
        if self._version_known:
            return
        version = (await _answer(self._client.info())).version
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
            raise EngineDown(f"Qdrant {version} is too old: {OLDEST[0]}.{OLDEST[1]} or newer is needed")
        self._version_known = True

    async def _create(self, collection: Collection) -> bool:
        """Make the collection; False where another process came first."""
        # In a shared collection every search is a tenant's, so only graphs within a tenant are worth building.
        within_tenants = models.HnswConfigDiff(m=0, payload_m=16) if collection.tenant is not None else None
        call = self._client.create_collection(
            collection.name,
            vectors_config=wire.vectors(collection),
            sparse_vectors_config={"text": models.SparseVectorParams(modifier=models.Modifier.IDF)},
            hnsw_config=within_tenants,
        )
        return await _answer_unless(_CONFLICT, call) is not None

    async def _delete(self, collection: Collection, points: models.Filter) -> None:
        call = self._client.delete(collection.name, models.FilterSelector(filter=points), wait=True)
        await _answer_unless(_NOT_FOUND, call)


class _Refused(EngineDown):
    """The server answered, with a status that says no."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"the Qdrant server refused with status {status}")
        self.status = status


async def _answer(call: Awaitable[T]) -> T:
    """The server's answer, every failure of which is `EngineDown`.

    The message names the status or the kind of failure and nothing else: an answer's text, or an
    address with a password in it, is nobody's business.
    """
    try:
        return await call
    except UnexpectedResponse as error:
        raise _Refused(error.status_code) from None
    except (ApiException, QdrantException, ValueError) as error:
        kind = type(getattr(error, "source", error)).__name__
        raise EngineDown(f"the Qdrant server does not answer ({kind})") from None


async def _answer_unless(status: int, call: Awaitable[T]) -> T | None:
    """The server's answer, or None where it is this status."""
    try:
        return await _answer(call)
    except _Refused as refused:
        if refused.status != status:
            raise
        return None
