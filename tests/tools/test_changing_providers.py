"""Another provider, model or vector length: nothing is lost, and the earlier vectors serve meanwhile if they can."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
import respx
import sqlalchemy as sa
from pydantic import SecretStr

from server.config import Settings
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations, memories, vectors
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

URLS = {
    "openai": "https://api.openai.com/v1/embeddings",
    "cohere": "https://api.cohere.com/v2/embed",
    "voyage": "https://api.voyageai.com/v1/embeddings",
}
CONTENTS = ["x" * 5, "y" * 50, "w" * 500]


class Providers:
    """Stand-ins for all providers. Documents wait while `opened` is not set."""

    def __init__(self, web):
        self.opened = asyncio.Event()
        self.opened.set()
        self.reached = asyncio.Event()
        self.queries = []
        for provider, url in URLS.items():
            web.post(url).mock(side_effect=self.embed_for(provider))

    def embed_for(self, provider):
        async def embed(request):
            body = json.loads(request.content)
            texts = body["texts" if provider == "cohere" else "input"]
            dims = body.get("dimensions") or body.get("output_dimension") or {"large": 4}.get(body["model"], 3)
            if any(text in CONTENTS for text in texts):
                self.reached.set()
                await self.opened.wait()
            else:
                self.queries.append((provider, body["model"], dims, texts))
            rows = [[float(len(text)), *[1.0] * (dims - 1)] for text in texts]
            if provider == "cohere":
                return httpx.Response(200, json={"embeddings": {"float": rows}})
            return httpx.Response(200, json={"data": [{"embedding": row} for row in rows]})

        return embed


@pytest.fixture
def providers():
    with respx.mock(assert_all_called=False) as web:
        web.route(host="127.0.0.1").pass_through()
        yield Providers(web)


@pytest.fixture
def open_server(settings, clock):
    """Opens the server on the same data with another provider of embeddings."""

    @asynccontextmanager
    async def start(provider, model="auto", dims=0):
        changed = Settings(
            data_dir=settings.data_dir,
            embedding_provider=provider,
            embedding_model=model,
            embedding_dims=dims,
            embedding_api_key=SecretStr("" if provider == "local" else "k"),
            rate_limit=0,
        )
        async with open_site(changed, clock) as site:
            yield site

    return start


async def until(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the product has no use for an event here
            await asyncio.sleep(0.01)


async def ask(person):
    """A recall that only the vectors can answer; the contents found, the ranking, and the notice."""
    found = (await person.http.post("/v1/search", json={"query": "z" * 50})).json()
    return [each["content"] for each in found["memories"]][:1], found["ranking"], found["meta"]["notice"]


async def wait_whole(site):
    """Return once the workspace's collection has the vectors of the provider in the settings."""

    async def is_whole():
        async with site.services.db.read() as connection:
            served = (await connection.execute(sa.select(workspaces.c.generation))).scalar_one()
        return site.services.encoder.is_ready and served == site.services.encoder.generation

    await until(is_whole)


async def test_every_memory_outlives_every_change_of_provider_and_length(providers, open_server):
    async with open_server("openai") as site:
        ann = await site.add_person()
        await site.services.encoder.source.wait_ready()
        for content in CONTENTS:
            await ann.store(content)
        await wait_whole(site)
        assert (await ask(ann))[:2] == ([CONTENTS[1]], "hybrid")
    served = []
    for provider, model, dims in (
        ("openai", "large", 0),
        ("voyage", "auto", 0),
        ("cohere", "auto", 5),
    ):
        async with open_server(provider, model, dims) as site:
            ann = await site.add_person()
            await wait_whole(site)
            found, ranking, _ = await ask(ann)
            listed = (await ann.http.get("/v1/memories")).json()
            assert (sorted(each["content"] for each in listed["memories"]), ranking) == (sorted(CONTENTS), "hybrid")
            served.append((found, providers.queries[-1][:3]))
            async with site.services.db.read() as connection:
                whole = sa.select(sa.func.count()).where(vectors.c.generation == site.services.encoder.generation)
                assert (await connection.execute(whole)).scalar_one() == len(CONTENTS)
    assert [each[1] for each in served] == [
        ("openai", "large", 4),
        ("voyage", "voyage-4", 3),
        ("cohere", "embed-v4.0", 5),
    ]
    assert all(found == [CONTENTS[1]] for found, _ in served)
    async with open_server("local", "none") as site:
        ann = await site.add_person()
        found = (await ann.http.post("/v1/search", json={"query": CONTENTS[0]})).json()
        assert ([each["content"] for each in found["memories"]], found["ranking"]) == ([CONTENTS[0]], "keyword")
        async with site.services.db.read() as connection:
            assert (await connection.execute(sa.select(sa.func.count()).select_from(memories))).scalar_one() == 3
            assert (await connection.execute(sa.select(sa.func.count()).select_from(generations))).scalar_one() == 4


@pytest.mark.parametrize(("model", "dims"), [("large", 0), ("text-embedding-3-small", 2)])
async def test_the_earlier_vectors_of_the_same_endpoint_serve_until_the_new_ones_are_whole(
    providers, open_server, model, dims
):
    async with open_server("openai") as site:
        ann = await site.add_person()
        await site.services.encoder.source.wait_ready()
        for content in CONTENTS:
            await ann.store(content)
        await wait_whole(site)
    providers.opened.clear()
    providers.reached.clear()
    async with open_server("openai", model, dims) as site:
        ann = await site.add_person()
        await providers.reached.wait()
        await until(lambda: answers_by_meaning(ann))
        providers.queries.clear()
        assert (await ann.http.post("/v1/search", json={"query": "q" * 51})).json()["ranking"] == "hybrid"
        assert providers.queries == [("openai", "text-embedding-3-small", 3, ["q" * 51])], "the earlier model is asked"
        assert (await ask(ann))[0] == [CONTENTS[1]]
        stored = await ann.http.post("/v1/memories", json={"content": "v" * 7})
        assert stored.status_code == 201, "new memories wait for nothing"
        providers.opened.set()
        await wait_whole(site)
        providers.queries.clear()
        assert (await ann.http.post("/v1/search", json={"query": "q" * 52})).json()["ranking"] == "hybrid"
        assert [each[:3] for each in providers.queries] == [("openai", model, dims or 4)], "now the new one is"
        assert (await ask(ann))[0] == [CONTENTS[1]]


async def answers_by_meaning(person):
    """Whether a recall has vectors: the earlier model may not have answered its first call yet."""
    return (await ask(person))[1] == "hybrid"
