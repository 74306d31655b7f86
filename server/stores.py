"""The parts of the composition root that commands need too: search store and embeddings, without a server."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from server.config import Settings
from server.store.db import Database
from server.store.embedding_endpoint import Endpoint, EndpointEmbeddings
from server.store.embeddings import Embeddings
from server.store.encoder import EmbeddingSource, Encoder, model_to_load
from server.store.projection import Projection
from server.store.search import Engine
from server.store.search.owner import Owner
from server.store.upkeep import sweep


def search_engine(settings: Settings) -> Engine:
    """The embedded engine, or a Qdrant server where the settings name one. Each is imported only when it is used."""
    if settings.qdrant_url:
        from server.store.search.server import ServerEngine  # noqa: PLC0415 - it costs a second and 100 MB

        return ServerEngine.at(settings.qdrant_url, settings.qdrant_api_key.get_secret_value() or None)
    from server.store.search.edge import EdgeEngine  # noqa: PLC0415 - as above, the other way round

    return EdgeEngine(settings.data_dir / "shards", max_open=settings.open_workspaces)


def endpoint_of(settings: Settings) -> Endpoint:
    """The embedding endpoint that the settings name."""
    key = settings.embedding_api_key.get_secret_value()
    return Endpoint(
        url=settings.embedding_url, model=settings.embedding_model, api_key=key, dims=settings.embedding_dims
    )


@asynccontextmanager
async def encoding(settings: Settings, db: Database, now: Callable[[], datetime]) -> AsyncGenerator[Encoder]:
    """The encoder, which begins to load its model or to ask its endpoint; closed with the block."""
    source: EmbeddingSource
    if settings.embedding_url:
        source = EndpointEmbeddings(endpoint_of(settings), now)
    else:
        models = settings.data_dir / "models"
        wanted = await model_to_load(db, models, settings.embedding_model)
        source = Embeddings(models, wanted, settings.embedding_threads)
    encoder = Encoder(db, source, now)
    try:
        await encoder.start()
        yield encoder
    finally:
        await source.close()


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
