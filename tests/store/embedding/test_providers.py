"""The services that make embeddings: what each is asked, in its own form, and what is made of every kind of answer."""

import asyncio
import json
from itertools import count
from pathlib import Path

import httpx
import numpy as np
import pytest
import respx
from pydantic import SecretStr

from server.config import Settings
from server.embedding_providers import ENDPOINT, PRESETS
from server.store.embedding import remote
from server.store.embedding.source import EmbeddingFailed
from server.wiring.stores import build_endpoint, build_remote_source

pytestmark = pytest.mark.anyio

KEY = "sk-hunter2"
URLS = {
    "openai": "https://api.openai.com/v1/embeddings",
    "cohere": "https://api.cohere.com/v2/embed",
    "voyage": "https://api.voyageai.com/v1/embeddings",
    "ollama": "http://127.0.0.1:11434/api/embed",
}
EVERY = pytest.mark.parametrize("provider", URLS)
PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def wrap(provider, rows):
    """A good answer in the form of a provider."""
    if provider == "cohere":
        return {"id": "1", "embeddings": {"float": rows}, "response_type": "embeddings_by_type"}
    if provider == "ollama":
        return {"model": "m", "embeddings": rows, "total_duration": 1}
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
    return {"object": "list", "data": data[::-1], "usage": {"total_tokens": 1}}


def texts_of(provider, body):
    return body["texts" if provider == "cohere" else "input"]


class Service:
    """A stand-in for one provider: answers with `rows` of the texts, or with whatever is put in `answer`."""

    def __init__(self, provider, web):
        self.provider = provider
        self.asked = []
        self.answer = None
        self.route = web.post(URLS[provider]).mock(side_effect=self.embed)

    def embed(self, request):
        body = json.loads(request.content)
        self.asked.append(body | {"authorization": request.headers.get("authorization")})
        if self.answer is not None:
            return self.answer
        rows = [[float(len(text)), 1.0] for text in texts_of(self.provider, body)]
        return httpx.Response(200, json=wrap(self.provider, rows))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(remote, "LONGEST_PAUSE", 0.0)


@pytest.fixture
async def open_service(clock):
    """Opens a provider that is built in, as its settings have it; the source of vectors and the stand-in."""
    opened = []
    with respx.mock(assert_all_called=False) as web:

        async def start(provider, **settings):
            service = Service(provider, web)
            key = SecretStr("" if provider == "ollama" else KEY)
            source = build_remote_source(
                Settings(embedding_provider=provider, embedding_api_key=key, **settings), clock
            )
            assert source is not None
            opened.append(source)
            source.start()
            await source.wait_ready()
            return source, service

        yield start
        for source in opened:
            await source.close()


async def is_back(source):
    """Return once a source that has failed has vectors again, which takes it a few turns."""
    for _ in range(1000):
        if source.state == "ready":
            return
        await asyncio.sleep(0)
    raise AssertionError(source.reason)


WRONG = ([], [[1, 0], [0, 1]], [[1, 0, 0]], [[float("nan"), 1]], [[0, 0]], [["a", "b"]], [None], [[]], [1])
NO_LISTS = ({"a": 1}, 5, None, "x")


#: What each provider is asked with nothing but its name set, but for the texts.
DEFAULTS = {
    "openai": {"model": "text-embedding-3-small"},
    "cohere": {"model": "embed-v4.0", "embedding_types": ["float"]},
    "voyage": {"model": "voyage-4"},
    "ollama": {"model": "nomic-embed-text"},
}
PURPOSES = {
    "openai": ({}, {}),
    "cohere": ({"input_type": "search_query"}, {"input_type": "search_document"}),
    "voyage": ({"input_type": "query"}, {"input_type": "document"}),
    "ollama": ({}, {}),
}
PREFIXES = {"ollama": ("search_query: ", "search_document: ")}


@EVERY
async def test_each_service_is_asked_in_its_own_form_for_a_question_and_for_documents(open_service, provider):
    source, service = await open_service(provider)
    authorization = None if provider == "ollama" else f"Bearer {KEY}"
    before_query, before_document = PREFIXES.get(provider, ("", ""))
    name = "texts" if provider == "cohere" else "input"
    for_query, for_document = PURPOSES[provider]

    vector = (await source.embed_query("who?")).whole
    expected = {name: [f"{before_query}who?"], "authorization": authorization} | DEFAULTS[provider] | for_query
    assert service.asked[-1] == expected
    length = len(f"{before_query}who?")
    assert vector == pytest.approx(np.array([length, 1], np.float32) / np.hypot(length, 1))

    rows = [each.windows for each in await source.embed_documents(["a", "bbb"])]
    texts = [f"{before_document}a", f"{before_document}bbb"]
    expected = {name: texts, "authorization": authorization} | DEFAULTS[provider] | for_document
    assert service.asked[-1] == expected
    assert [each.shape for each in rows] == [(1, 2), (1, 2)]
    assert rows[1][0][0] > rows[0][0][0], "in the order of the texts"


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", "dimensions"),
        ("cohere", "output_dimension"),
        ("voyage", "output_dimension"),
        ("ollama", "dimensions"),
    ],
)
async def test_each_service_is_asked_for_the_length_that_is_set(open_service, provider, name):
    source, service = await open_service(provider, embedding_dims=2, embedding_model="m")
    assert {each[name] for each in service.asked} == {2}
    assert {each["model"] for each in service.asked} == {"m"}
    assert source.model is not None
    assert source.model.dims == 2


@EVERY
async def test_no_request_has_more_texts_than_the_service_takes(open_service, provider):
    source, service = await open_service(provider)
    await source.embed_documents([f"{n}" for n in range(200)])
    sizes = [len(texts_of(provider, body)) for body in service.asked]
    assert max(sizes) <= {"openai": 2048, "cohere": 96, "voyage": 1000, "ollama": 64}[provider]
    assert sum(sizes) == 201


@EVERY
async def test_an_answer_with_wrong_vectors_is_not_believed(open_service, provider):
    source, service = await open_service(provider)
    for rows in (*WRONG, *NO_LISTS):
        answer = wrap(provider, rows if provider in {"cohere", "ollama"} or isinstance(rows, list) else [rows])
        service.answer = httpx.Response(200, content=json.dumps(answer))
        with pytest.raises(EmbeddingFailed, match="the embedding endpoint"):
            await source.embed_documents(["a"])
        service.answer = None
        await is_back(source)


@EVERY
async def test_an_answer_in_another_form_names_the_setting_to_check(open_service, provider):
    source, service = await open_service(provider)
    for body in (b"<html>", b"[]", b"{}", b"null", b'{"embeddings": []}', b'{"data": 5}', b"\xff"):
        service.answer = httpx.Response(200, content=body)
        with pytest.raises(EmbeddingFailed) as failed:
            await source.embed_documents(["a"])
        told = str(failed.value)
        assert "does; check LOCI_EMBEDDING_URL" in told or "answered 0 vectors to 1 texts" in told
        service.answer = None
        await is_back(source)


#: How each service says that something is wrong.
ERRORS = {
    "openai": lambda words: {"error": {"message": words, "type": "invalid_request_error", "code": None}},
    "cohere": lambda words: {"id": "1", "message": words},
    "voyage": lambda words: {"detail": words},
    "ollama": lambda words: {"error": words},
}


REFUSALS = {
    401: "check LOCI_EMBEDDING_API_KEY",
    403: "check LOCI_EMBEDDING_API_KEY",
    404: "check LOCI_EMBEDDING_URL and LOCI_EMBEDDING_MODEL",
    498: "check LOCI_EMBEDDING_API_KEY",
    500: "500 Internal Server Error",
    429: "429 Too Many Requests",
}


@EVERY
async def test_a_refusal_is_told_with_the_setting_to_check_and_without_the_services_words(open_service, provider):
    source, service = await open_service(provider)
    for status, told in REFUSALS.items():
        service.answer = httpx.Response(status, json=ERRORS[provider](f"{KEY} is wrong"))
        with pytest.raises(EmbeddingFailed, match=told) as failed:
            await source.embed_documents(["a"])
        assert KEY not in f"{failed.value}{source.reason}"
        service.answer = None
        await is_back(source)
        assert (await source.embed_documents(["a"]))[0].windows.shape == (1, 2)


@EVERY
async def test_a_text_that_a_service_refuses_is_its_own_failure(open_service, provider):
    source, service = await open_service(provider)
    service.answer = httpx.Response(400, json=ERRORS[provider]("input too long"))
    with pytest.raises(EmbeddingFailed, match="400 Bad Request to this text"):
        await source.embed_documents(["a"])
    assert source.state == "ready"


async def test_a_model_that_ollama_has_not_pulled_is_told_with_the_command(open_service):
    source, service = await open_service("ollama")
    service.answer = httpx.Response(404, json={"error": 'model "nomic-embed-text" not found, try pulling it first'})
    with pytest.raises(EmbeddingFailed, match="run `ollama pull nomic-embed-text` there, or check"):
        await source.embed_documents(["a"])


async def test_an_account_without_credit_is_not_asked_again_at_once(open_service):
    source, service = await open_service("openai")
    before = len(service.asked)
    error = {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}
    service.answer = httpx.Response(429, json={"error": error})
    with pytest.raises(EmbeddingFailed, match="429 Too Many Requests; the account there has no credit left"):
        await source.embed_documents(["a"])
    assert len(service.asked) == before + 1
    service.answer = None
    await is_back(source)


@EVERY
async def test_a_service_that_hangs_is_given_up_on(open_service, provider, monkeypatch):
    source, service = await open_service(provider)
    monkeypatch.setattr(remote, "QUESTION_SECONDS", 0.01)

    async def hang(_request):
        await asyncio.Event().wait()

    service.route.mock(side_effect=hang)
    with pytest.raises(EmbeddingFailed, match=r"did not answer in 0\.01 seconds"):
        await source.embed_query("who?")


def test_the_vectors_of_no_two_providers_count_as_one_generation():
    endpoints = [
        build_endpoint(Settings(embedding_provider=name, embedding_url="https://a.test", embedding_model="m"))
        for name in PRESETS
    ]
    digests = {each.make_digest(2) for each in endpoints if each is not None}
    assert len(digests) == len(PRESETS) - 1, "`openai` and `endpoint` at one URL are the same"
    numbers = count(1)
    assert len({each.make_digest(next(numbers)) for each in endpoints if each is not None}) == len(PRESETS)


def test_every_preset_is_asked_here_and_has_a_row_in_the_table_of_the_page():
    assert {*URLS, ENDPOINT} == {*PRESETS}
    rows = {
        cells[1].strip(" `"): cells
        for cells in (line.split("|") for line in PAGE.read_text().splitlines())
        if cells[1:]
    }
    for name, preset in PRESETS.items():
        _, _, url, model, *_ = rows[name]
        assert f"`{preset.url}`" in url or (not preset.url and "none" in url)
        assert f"`{preset.model}`" in model or (not preset.model and "none" in model)
        assert rows[name][5].strip() == ("yes" if preset.needs_key else "as it wants" if name == ENDPOINT else "no")
