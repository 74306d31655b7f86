"""The services that make embeddings: what each is asked, in its own form, and what is made of every kind of answer."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

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
PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


@dataclass(frozen=True)
class Form:
    """The requests and answers of a service, as its own documentation shows them.

    Attributes:
        url: the address that is asked, if no setting names another.
        most_texts: the largest number of texts that it takes in one request.
        wrap: makes a good answer of vectors, and a bad one of anything else.
        refuse: makes the answer that says these words of an error.
        body: the part of each request that is always the same, if only the provider is set.
        texts: the name of the texts in a request.
        dims: the name of the length of vectors in a request; empty if none can be asked for.
        purposes: the parts of a request that say that it has a question, and that it has documents.
        prefixes: the words before a question, and before a document.
    """

    url: str
    most_texts: int
    wrap: Callable[[Any], Any]
    refuse: Callable[[str], Any]
    body: dict[str, Any]
    texts: str = "input"
    dims: str = ""
    purposes: tuple[dict[str, str], dict[str, str]] = ({}, {})
    prefixes: tuple[str, str] = ("", "")


def wrap_in_data(rows):
    listed = rows if isinstance(rows, list) else [rows]
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(listed)]
    return {"object": "list", "data": data[::-1], "usage": {"total_tokens": 1}}


SERVICES = {
    "openai": Form(
        "https://api.openai.com/v1/embeddings",
        2048,
        wrap_in_data,
        lambda words: {"error": {"message": words, "type": "invalid_request_error", "code": None}},
        {"model": "text-embedding-3-small"},
        dims="dimensions",
    ),
    "cohere": Form(
        "https://api.cohere.com/v2/embed",
        96,
        lambda rows: {"id": "1", "embeddings": {"float": rows}, "response_type": "embeddings_by_type"},
        lambda words: {"id": "1", "message": words},
        {"model": "embed-v4.0", "embedding_types": ["float"]},
        texts="texts",
        dims="output_dimension",
        purposes=({"input_type": "search_query"}, {"input_type": "search_document"}),
    ),
    "voyage": Form(
        "https://api.voyageai.com/v1/embeddings",
        1000,
        wrap_in_data,
        lambda words: {"detail": words},
        {"model": "voyage-4"},
        dims="output_dimension",
        purposes=({"input_type": "query"}, {"input_type": "document"}),
    ),
    "ollama": Form(
        "http://127.0.0.1:11434/api/embed",
        64,
        lambda rows: {"model": "m", "embeddings": rows, "total_duration": 1},
        lambda words: {"error": words},
        {"model": "nomic-embed-text"},
        dims="dimensions",
        prefixes=("search_query: ", "search_document: "),
    ),
}
EVERY = pytest.mark.parametrize("provider", SERVICES)


class Service:
    """A stand-in for one provider: answers with `rows` of the texts, or with whatever is put in `answer`."""

    def __init__(self, provider, web):
        self.form = SERVICES[provider]
        self.asked = []
        self.answer = None
        self.route = web.post(self.form.url).mock(side_effect=self.embed)

    def embed(self, request):
        body = json.loads(request.content)
        self.asked.append(body | {"authorization": request.headers.get("authorization")})
        if self.answer is not None:
            return self.answer
        rows = [[float(len(text)), 1.0] for text in body[self.form.texts]]
        return httpx.Response(200, json=self.form.wrap(rows))


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
            key = SecretStr(KEY if PRESETS[provider].needs_key else "")
            source = build_remote_source(
                Settings(embedding_provider=provider, embedding_api_key=key, **settings), clock
            )
            assert source is not None
            opened.append(source)
            source.start()
            try:
                async with asyncio.timeout(20):
                    await source.wait_ready()
            except TimeoutError:
                raise AssertionError(source.reason) from None
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


@EVERY
async def test_each_service_is_asked_in_its_own_form_for_a_question_and_for_documents(open_service, provider):
    source, service = await open_service(provider)
    form = service.form
    fixed = {"authorization": f"Bearer {KEY}" if PRESETS[provider].needs_key else None} | form.body
    (before_query, before_document), (for_query, for_document) = form.prefixes, form.purposes

    vector = (await source.embed_query("who?")).whole
    assert service.asked[-1] == fixed | for_query | {form.texts: [f"{before_query}who?"]}
    length = len(f"{before_query}who?")
    assert vector == pytest.approx(np.array([length, 1], np.float32) / np.hypot(length, 1))

    rows = [each.windows for each in await source.embed_documents(["a", "bbb"])]
    texts = [f"{before_document}a", f"{before_document}bbb"]
    assert service.asked[-1] == fixed | for_document | {form.texts: texts}
    assert [each.shape for each in rows] == [(1, 2), (1, 2)]
    assert rows[1][0][0] > rows[0][0][0], "in the order of the texts"


@pytest.mark.parametrize("provider", [name for name, form in SERVICES.items() if form.dims])
async def test_each_service_is_asked_for_the_length_that_is_set(open_service, provider):
    source, service = await open_service(provider, embedding_dims=2, embedding_model="m")
    assert {each[service.form.dims] for each in service.asked} == {2}
    assert {each["model"] for each in service.asked} == {"m"}
    assert source.model is not None
    assert source.model.dims == 2


@EVERY
async def test_no_request_has_more_texts_than_the_service_takes(open_service, provider):
    source, service = await open_service(provider)
    await source.embed_documents([f"{n}" for n in range(200)])
    sizes = [len(body[service.form.texts]) for body in service.asked]
    assert max(sizes) <= service.form.most_texts
    assert sum(sizes) == 201


@EVERY
async def test_an_answer_with_wrong_vectors_is_not_believed(open_service, provider):
    source, service = await open_service(provider)
    for rows in (*WRONG, *NO_LISTS):
        service.answer = httpx.Response(200, content=json.dumps(service.form.wrap(rows)))
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
        service.answer = httpx.Response(status, json=service.form.refuse(f"{KEY} is wrong"))
        with pytest.raises(EmbeddingFailed, match=told) as failed:
            await source.embed_documents(["a"])
        assert KEY not in f"{failed.value}{source.reason}"
        service.answer = None
        await is_back(source)
        assert (await source.embed_documents(["a"]))[0].windows.shape == (1, 2)


@EVERY
async def test_a_text_that_a_service_refuses_is_its_own_failure(open_service, provider):
    source, service = await open_service(provider)
    service.answer = httpx.Response(400, json=service.form.refuse("input too long"))
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
    assert {*SERVICES, ENDPOINT} == {*PRESETS}
    rows = {
        cells[1].strip(" `"): cells
        for cells in (line.split("|") for line in PAGE.read_text().splitlines())
        if cells[1:]
    }
    for name, preset in PRESETS.items():
        assert name in rows, "the table of the page lacks it"
        _, _, url, model, *_ = rows[name]
        assert f"`{preset.url}`" in url or (not preset.url and "none" in url)
        assert f"`{preset.model}`" in model or (not preset.model and "none" in model)
        assert rows[name][5].strip() == ("yes" if preset.needs_key else "as it wants" if name == ENDPOINT else "no")
