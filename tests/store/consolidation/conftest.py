"""One run of consolidation over the ledger's workspace, with or without a language model and vectors."""

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from server.config import Settings
from server.memory.embedding_model import Model
from server.store.consolidation.carry_out import ConsolidationDeps, consolidate_workspace
from server.store.record.works import generations
from server.store.tables.accounts import workspaces
from server.wiring.stores import open_llm
from tests.helpers.ledger import CountingProjection


@pytest.fixture
def nowhere():
    return CountingProjection()


@pytest.fixture
def consolidate(ledger, clock, nowhere):
    """Consolidates the ledger's workspace."""

    async def run(llm=None, **options):
        deps = ConsolidationDeps(ledger.db, nowhere, llm=llm)
        return await consolidate_workspace(deps, ledger.workspace, ledger.actor, clock(), **options)

    return run


@pytest.fixture
async def openai():
    """A language model behind OpenAI's API."""
    settings = Settings(llm_url="https://llm.test/v1/", llm_model="small", llm_api_key=SecretStr("sk-secret"))
    async with open_llm(settings) as llm:
        yield llm


@pytest.fixture
async def store_with_vectors(ledger, clock):
    """Stores texts with vectors of the generation that serves the workspace: (text=vector, …)."""
    async with ledger.db.write() as connection:
        generation = await generations.ensure_generation(connection, Model("m", "d", 8, 128, "f"), clock())
        await connection.execute(sa.update(workspaces).values(generation=generation))

    async def store(**windows):
        return await ledger.store(*windows, generation=generation, windows=list(windows.values()))

    return store
