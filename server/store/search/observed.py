"""A search engine whose calls are watched. It is used only if somebody watches."""

from typing import Any

from server.observer import Observer
from server.store.search.seam import Collection, Engine, FoundPoints, Point, Query


class ObservedEngine:
    """The `Engine` that passes each call on to another one, with an observer around it."""

    def __init__(self, engine: Engine, observer: Observer) -> None:
        self._engine = engine
        self._observer = observer

    async def open_collection(self, collection: Collection) -> bool:
        with self._observer.watch("engine", "open_collection"):
            return await self._engine.open_collection(collection)

    async def has_collection(self, collection: Collection) -> bool:
        with self._observer.watch("engine", "has_collection"):
            return await self._engine.has_collection(collection)

    async def upsert_points(self, collection: Collection, points: list[Point]) -> None:
        with self._observer.watch("engine", "upsert_points"):
            await self._engine.upsert_points(collection, points)

    async def delete_points(self, collection: Collection, ids: list[str]) -> None:
        with self._observer.watch("engine", "delete_points"):
            await self._engine.delete_points(collection, ids)

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        with self._observer.watch("engine", "set_payload"):
            await self._engine.set_payload(collection, patches)

    async def search_points(self, collection: Collection, query: Query) -> FoundPoints:
        with self._observer.watch("engine", "search_points"):
            return await self._engine.search_points(collection, query)

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        with self._observer.watch("engine", "read_rarities"):
            return await self._engine.read_rarities(collection, terms)

    async def read_points(self, collection: Collection) -> list[Point]:
        with self._observer.watch("engine", "read_points"):
            return await self._engine.read_points(collection)

    async def read_revisions(self, collection: Collection, ids: list[str]) -> dict[str, int]:
        with self._observer.watch("engine", "read_revisions"):
            return await self._engine.read_revisions(collection, ids)

    async def count_points(self, collection: Collection) -> int:
        with self._observer.watch("engine", "count_points"):
            return await self._engine.count_points(collection)

    async def flush_collection(self, collection: Collection) -> None:
        with self._observer.watch("engine", "flush_collection"):
            await self._engine.flush_collection(collection)

    async def drop_collection(self, collection: Collection) -> None:
        with self._observer.watch("engine", "drop_collection"):
            await self._engine.drop_collection(collection)

    async def list_names(self) -> set[str]:
        with self._observer.watch("engine", "list_names"):
            return await self._engine.list_names()

    async def ping(self) -> None:
        with self._observer.watch("engine", "ping"):
            await self._engine.ping()

    async def close(self) -> None:
        await self._engine.close()
