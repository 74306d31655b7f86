"""The composition root of the search store and the models."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from server.clock import Clock
from server.config import Settings
from server.memory.embedding_model import Model
from server.store.consolidation.llm import Llm
from server.store.db import Database
from server.store.embedding.encoder import Encoder, choose_model
from server.store.embedding.endpoint import Endpoint, EndpointEmbeddings, EndpointNames
from server.store.embedding.local import LocalEmbeddings
from server.store.embedding.model_folder import find_model
from server.store.embedding.source import EmbeddingSource
from server.store.projection.projection import Projection
from server.store.projection.upkeep import drop_orphan_collections
from server.store.search.folder_ownership import FolderOwnership
from server.store.search.seam import Engine


def build_engine(settings: Settings) -> Engine:
    """Return the search engine that the settings name. Each engine is imported only if it is used."""
    if settings.qdrant_url:
        from server.store.search.qdrant.server import ServerEngine  # noqa: PLC0415 - it costs a second and 100 MB

        return ServerEngine.from_url(settings.qdrant_url, settings.qdrant_api_key.get_secret_value() or None)
    folder, max_open = settings.data_dir / "shards", settings.open_workspaces
    if settings.engine_processes:
        from server.store.search.edge.processes import ProcessEngine  # noqa: PLC0415 - the other engines are not needed then

        return ProcessEngine(folder, processes=settings.engine_processes, max_open=max_open)
    from server.store.search.edge.engine import EdgeEngine  # noqa: PLC0415 - loads the engine, which the others do not need in this process

    return EdgeEngine(folder, max_open=max_open)


def build_endpoint(settings: Settings) -> Endpoint:
    """Return the embedding endpoint that the settings name."""
    key = settings.embedding_api_key.get_secret_value()
    return Endpoint(
        url=settings.embedding_url,
        model=settings.embedding_model,
        api_key=key,
        dims=settings.embedding_dims,
        names=EndpointNames(
            url="LOCI_EMBEDDING_URL",
            model="LOCI_EMBEDDING_MODEL",
            api_key="LOCI_EMBEDDING_API_KEY",
            dims="LOCI_EMBEDDING_DIMS",
        ),
    )


@asynccontextmanager
async def open_encoder(settings: Settings, db: Database, now: Clock) -> AsyncGenerator[Encoder]:
    """Open the encoder without starting it, and close it when the block ends."""
    models = settings.models
    source: EmbeddingSource
    if settings.embedding_url:
        source = EndpointEmbeddings(build_endpoint(settings), now)
    else:
        wanted = await choose_model(db, models, settings.embedding_model)
        source = LocalEmbeddings(models, wanted, settings.embedding_threads, setting="LOCI_EMBEDDING_MODEL")

    def load(earlier: Model) -> LocalEmbeddings | None:
        here = find_model(models, earlier.name)
        is_same = here is not None and replace(here, file="") == earlier
        return LocalEmbeddings(models, earlier.name, settings.embedding_threads) if is_same else None

    encoder = Encoder(db, source, now, load)
    try:
        yield encoder
    finally:
        await encoder.close()


@asynccontextmanager
async def open_llm(settings: Settings) -> AsyncGenerator[Llm | None]:
    """Open the language model that the settings name, None if they name none."""
    if not settings.llm_url or not settings.llm_model:
        yield None
        return
    key = settings.llm_api_key.get_secret_value()
    async with Llm.open(settings.llm_api, settings.llm_url, settings.llm_model, key) as llm:
        yield llm


@asynccontextmanager
async def open_projection(settings: Settings, db: Database) -> AsyncGenerator[Projection]:
    """Open the search store, and close it when the block ends. Raises AlreadyOwned."""
    async with AsyncExitStack() as stack:
        if not settings.qdrant_url:
            stack.enter_context(FolderOwnership.acquire(settings.data_dir))
        engine = build_engine(settings)
        projection = Projection(db, engine, shared=bool(settings.qdrant_url))
        stack.push_async_callback(projection.close)
        await drop_orphan_collections(db, engine)
        yield projection
