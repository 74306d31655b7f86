"""The composition root of the search store and the models."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from server.clock import Clock
from server.config import Settings
from server.embedding_providers import LOCAL, PRESETS, find_custom_provider
from server.errors import Failure
from server.memory.embedding_model import Model
from server.network.llm import Llm
from server.network.tls import make_tls_context
from server.observer import NOBODY, Observer
from server.store.db import Database
from server.store.embedding.custom import CustomEmbeddings, Factory, ProviderOptions
from server.store.embedding.dialects import DIALECTS
from server.store.embedding.encoder import Encoder, choose_model
from server.store.embedding.endpoint import Endpoint, EndpointEmbeddings, EndpointNames
from server.store.embedding.local import LocalEmbeddings
from server.store.embedding.models.model_folder import find_model
from server.store.embedding.reranker import Reranker
from server.store.embedding.source import EmbeddingSource
from server.store.projection.placement import Home
from server.store.projection.projection import Projection
from server.store.projection.upkeep.removal import drop_orphan_collections
from server.store.search.folder_ownership import FolderOwnership
from server.store.search.observed import ObservedEngine
from server.store.search.seam import Engine


def build_engine(settings: Settings) -> Engine:
    """Return the search engine that the settings name. Each engine is imported only if it is used."""
    if settings.qdrant_url:
        return _build_server_engine(settings)
    folder, max_open = settings.data_dir / "shards", settings.open_workspaces
    if settings.engine_processes:
        from server.store.search.edge.processes import ProcessEngine  # noqa: PLC0415 - the other engines are not needed then

        return ProcessEngine(folder, processes=settings.engine_processes, max_open=max_open)
    from server.store.search.edge.engine import EdgeEngine  # noqa: PLC0415 - loads the engine, which the others do not need in this process

    return EdgeEngine(folder, max_open=max_open)


def _build_server_engine(settings: Settings) -> Engine:
    from server.store.search.qdrant.options import CollectionOptions  # noqa: PLC0415 - it costs a second and 100 MB
    from server.store.search.qdrant.server import ServerEngine  # noqa: PLC0415 - the same imports

    options = CollectionOptions(
        shards=settings.qdrant_shards,
        replicas=settings.qdrant_replicas,
        write_consistency=settings.qdrant_write_consistency,
        is_on_disk=settings.qdrant_on_disk,
        quantization=settings.qdrant_quantization,
    )
    return ServerEngine.from_url(
        settings.qdrant_url,
        settings.qdrant_api_key.get_secret_value() or None,
        options,
        timeout=settings.qdrant_timeout_seconds,
        tls=None if settings.ca_file is None else make_tls_context(settings.ca_file),
    )


def build_endpoint(settings: Settings) -> Endpoint | None:
    """Return the embedding endpoint that the settings name, None if they name another kind of provider."""
    preset = PRESETS.get(settings.chosen_provider)
    if preset is None:
        return None
    return Endpoint(
        url=settings.embedding_url or preset.url,
        model=preset.model if settings.embedding_model == "auto" else settings.embedding_model,
        api_key=settings.embedding_api_key.get_secret_value(),
        dims=settings.embedding_dims,
        dialect=DIALECTS[preset.api],
        names=EndpointNames(
            url="LOCI_EMBEDDING_URL",
            model="LOCI_EMBEDDING_MODEL",
            api_key="LOCI_EMBEDDING_API_KEY",
            dims="LOCI_EMBEDDING_DIMS",
        ),
        ca_file=settings.ca_file,
    )


def build_remote_source(settings: Settings, now: Clock) -> EmbeddingSource | None:
    """Return the provider of embeddings that the settings name, None if it is a model on this machine.

    Raises:
        Failure: the package that brings the provider cannot be used.
    """
    endpoint = build_endpoint(settings)
    if endpoint is not None:
        return EndpointEmbeddings(endpoint, now)
    return None if settings.chosen_provider == LOCAL else _build_custom_source(settings)


def _build_custom_source(settings: Settings) -> CustomEmbeddings:
    name = settings.chosen_provider
    options = ProviderOptions(
        model="" if settings.embedding_model == "auto" else settings.embedding_model,
        url=settings.embedding_url,
        api_key=settings.embedding_api_key.get_secret_value(),
        dims=settings.embedding_dims,
    )
    try:
        entry_point = find_custom_provider(name)
        factory: Factory | None = None if entry_point is None else entry_point.load()
        provider = None if factory is None else factory(options)
    except Exception as error:  # noqa: BLE001 - it is not our code, so it may raise anything
        kind = type(error).__name__
        message = f"LOCI_EMBEDDING_PROVIDER: the package that brings {name} cannot be used ({kind}: {error})."
        raise Failure("invalid", message) from None
    if provider is None or not callable(getattr(provider, "embed", None)):
        raise Failure("invalid", f"LOCI_EMBEDDING_PROVIDER: {name} returns nothing that has a method `embed`.")
    return CustomEmbeddings(name, options, provider)


@asynccontextmanager
async def open_encoder(
    settings: Settings, db: Database, now: Clock, observer: Observer = NOBODY
) -> AsyncGenerator[Encoder]:
    """Open the encoder without starting it, and close it when the block ends.

    Raises:
        Failure: the package that brings the provider of embeddings cannot be used.
    """
    models = settings.models
    source = build_remote_source(settings, now)
    if source is None:
        wanted = await choose_model(db, models, settings.embedding_model)
        source = LocalEmbeddings(models, wanted, settings.embedding_threads, setting="LOCI_EMBEDDING_MODEL")
    endpoint = build_endpoint(settings)

    def load(earlier: Model) -> EmbeddingSource | None:
        here = find_model(models, earlier.name)
        # A generation from before the vectors of tokens has the digest of the model itself.
        digests = set[str]() if here is None else {here.digest, here.vectors_digest}
        if here is not None and earlier.digest in digests and earlier.max_tokens == here.max_tokens:
            return LocalEmbeddings(models, earlier.name, settings.embedding_threads)
        if endpoint is None:
            return None
        # Nobody knows whether the earlier model was asked for its length. If it is the same model, it can be.
        asks_dims = endpoint.dims > 0 or endpoint.model == earlier.name
        before = endpoint.with_model(earlier, asks_dims=asks_dims)
        return None if before is None else EndpointEmbeddings(before, now)

    encoder = Encoder(db, source, now, load, observer)
    try:
        yield encoder
    finally:
        await encoder.close()


def build_reranker(settings: Settings) -> Reranker:
    """Return the cross-encoder that the settings name, if they name one. It is not loaded."""
    return Reranker(
        settings.models,
        settings.rerank_model,
        settings.rerank_ms,
        settings.embedding_threads,
        setting="LOCI_RERANK_MODEL",
    )


@asynccontextmanager
async def open_llm(settings: Settings) -> AsyncGenerator[Llm | None]:
    """Open the language model that the settings name, None if they name none."""
    if not settings.llm_url or not settings.llm_model:
        yield None
        return
    key = settings.llm_api_key.get_secret_value()
    async with Llm.open(settings.llm_api, settings.llm_url, settings.llm_model, key, settings.ca_file) as llm:
        yield llm


@asynccontextmanager
async def open_projection(settings: Settings, db: Database, observer: Observer = NOBODY) -> AsyncGenerator[Projection]:
    """Open the search store, and close it when the block ends. Raises AlreadyOwned."""
    async with AsyncExitStack() as stack:
        if not settings.qdrant_url:
            stack.enter_context(FolderOwnership.acquire(settings.data_dir))
        engine = build_engine(settings)
        if observer is not NOBODY:
            engine = ObservedEngine(engine, observer)
        home = Home("server" if settings.qdrant_url else "embedded", settings.layout)
        projection = Projection(db, engine, shared=bool(settings.qdrant_url), home=home)
        stack.push_async_callback(projection.close)
        await drop_orphan_collections(db, engine)
        yield projection
