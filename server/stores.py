"""The part of the composition root that commands need too: the search store on its own, without a server."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from server.config import Settings
from server.store.db import Database
from server.store.projection import Projection
from server.store.search import Engine
from server.store.search.owner import Owner
from server.store.upkeep import sweep


def search_engine(settings: Settings) -> Engine:
    """The engine that the settings name. Each is imported only when it is used."""
    if settings.qdrant_url:
        from server.store.search.server import ServerEngine  # noqa: PLC0415 - it costs a second and 100 MB

        return ServerEngine.at(settings.qdrant_url, settings.qdrant_api_key.get_secret_value() or None)
    folder, max_open = settings.data_dir / "shards", settings.open_workspaces
    if settings.engine_processes:
        from server.store.search.processes import ProcessEngine  # noqa: PLC0415 - as above

        return ProcessEngine(folder, processes=settings.engine_processes, max_open=max_open)
    from server.store.search.edge import EdgeEngine  # noqa: PLC0415 - as above, the other way round

    return EdgeEngine(folder, max_open=max_open)


@asynccontextmanager
async def projection_alone(settings: Settings, db: Database) -> AsyncGenerator[Projection]:
    """The search store without a server, for a command that works on it. Raises AlreadyOwned."""
    async with AsyncExitStack() as stack:
        if not settings.qdrant_url:
            stack.enter_context(Owner.of(settings.data_dir))
        engine = search_engine(settings)
        projection = Projection(db, engine, shared=bool(settings.qdrant_url))
        stack.push_async_callback(projection.close)
        await sweep(db, engine)
        yield projection
