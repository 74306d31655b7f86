"""The parts of the composition root that commands need too: search store and embeddings, without a server."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime

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
from server.store.search.owner import Owner
from server.store.search.seam import Engine


def search_engine(settings: Settings) -> Engine:
    """The engine that the settings name. Each is imported only when it is used."""
    if settings.qdrant_url:
        from server.store.search.qdrant.server import ServerEngine  # noqa: PLC0415 - it costs a second and 100 MB

        return ServerEngine.at(settings.qdrant_url, settings.qdrant_api_key.get_secret_value() or None)
    folder, max_open = settings.data_dir / "shards", settings.open_workspaces
    if settings.engine_processes:
        from server.store.search.edge.processes import ProcessEngine  # noqa: PLC0415 - as above

        return ProcessEngine(folder, processes=settings.engine_processes, max_open=max_open)
    from server.store.search.edge.engine import EdgeEngine  # noqa: PLC0415 - as above, the other way round

    return EdgeEngine(folder, max_open=max_open)


def endpoint_of(settings: Settings) -> Endpoint:
    """The embedding endpoint that the settings name."""
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
async def open_encoder(settings: Settings, db: Database, now: Callable[[], datetime]) -> AsyncGenerator[Encoder]:
    """The encoder, which is yet to be started; closed with the block."""
    models = settings.data_dir / "models"
    source: EmbeddingSource
    if settings.embedding_url:
        source = EndpointEmbeddings(endpoint_of(settings), now)
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
    """The search store without a server, for a command that works on it. Raises AlreadyOwned."""
    async with AsyncExitStack() as stack:
        if not settings.qdrant_url:
            stack.enter_context(Owner.of(settings.data_dir))
        engine = search_engine(settings)
        projection = Projection(db, engine, shared=bool(settings.qdrant_url))
        stack.push_async_callback(projection.close)
        await drop_orphan_collections(db, engine)
        yield projection
