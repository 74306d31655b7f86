"""A search engine whose calls are watched. It is used only if somebody watches."""

from typing import Any

from server.observer import Observer
from server.store.search.seam import Collection, Engine, FoundPoints, Point, Query


class ObservedEngine:
    """The `Engine` that passes each call on to another one, with an observer around it."""

    def __init__(self, engine: Engine, observer: Observer) -> None:
        self._engine = engine
        self._observer = observer

    async def open(self, collection: Collection) -> bool:
        with self._observer.watch("engine", "open"):
            return await self._engine.open(collection)

    async def exists(self, collection: Collection) -> bool:
        with self._observer.watch("engine", "exists"):
            return await self._engine.exists(collection)

    async def upsert(self, collection: Collection, points: list[Point]) -> None:
        with self._observer.watch("engine", "upsert"):
            await self._engine.upsert(collection, points)

    async def delete(self, collection: Collection, ids: list[str]) -> None:
        with self._observer.watch("engine", "delete"):
            await self._engine.delete(collection, ids)

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        with self._observer.watch("engine", "set_payload"):
            await self._engine.set_payload(collection, patches)

    async def search(self, collection: Collection, query: Query) -> FoundPoints:
        with self._observer.watch("engine", "search"):
            return await self._engine.search(collection, query)

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        with self._observer.watch("engine", "read_rarities"):
            return await self._engine.read_rarities(collection, terms)

    async def read_points(self, collection: Collection) -> list[Point]:
        with self._observer.watch("engine", "read_points"):
            return await self._engine.read_points(collection)

    async def read_revisions(self, collection: Collection, ids: list[str]) -> dict[str, int]:
        with self._observer.watch("engine", "read_revisions"):
            return await self._engine.read_revisions(collection, ids)

    async def count(self, collection: Collection) -> int:
        with self._observer.watch("engine", "count"):
            return await self._engine.count(collection)

    async def flush(self, collection: Collection) -> None:
        with self._observer.watch("engine", "flush"):
            await self._engine.flush(collection)

    async def drop(self, collection: Collection) -> None:
        with self._observer.watch("engine", "drop"):
            await self._engine.drop(collection)

    async def list_names(self) -> set[str]:
        with self._observer.watch("engine", "list_names"):
            return await self._engine.list_names()

    async def ping(self) -> None:
        with self._observer.watch("engine", "ping"):
            await self._engine.ping()

    async def close(self) -> None:
        await self._engine.close()
