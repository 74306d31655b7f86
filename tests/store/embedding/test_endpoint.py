"""Embeddings from an endpoint: what it is asked, what is believed of its answers, and who waits when it is down."""

import asyncio
import json
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise

import httpx
import numpy as np
import pytest
import respx
import structlog

from server.store.embedding import remote
from server.store.embedding.dialects import OPENAI
from server.store.embedding.endpoint import MOST_ANSWER_BYTES, Endpoint, EndpointEmbeddings, EndpointNames
from server.store.embedding.remote import AT_ONCE, FAILURES, FIRST_PAUSE, LONGEST_PAUSE, OVERLAP, PAUSES, WINDOW
from server.store.embedding.source import EmbeddingFailed

pytestmark = pytest.mark.anyio

URL = "https://embed.test/v1"
BATCH_TEXTS = OPENAI.batch_texts
KEY = "sk-hunter2"


def vector(text):
    """(2,): what the endpoint makes of a text; not of length 1."""
    return [float(len(text)), 1.0]


def unit(text):
    return np.array(vector(text), np.float32) / np.linalg.norm(vector(text))


def answer_well(request):
    """The answer of a good endpoint, the last text first: the index says which is which."""
    rows = [{"index": n, "embedding": vector(text)} for n, text in enumerate(json.loads(request.content)["input"])]
    return httpx.Response(200, json={"object": "list", "data": rows[::-1]})


class Pauses:
    """A sleep that only notes how long; while `closed` it lasts until it is cancelled or opened."""

    def __init__(self):
        self.made = []
        self.opened = asyncio.Event()
        self.opened.set()
        self.reached = asyncio.Event()

    async def __call__(self, seconds):
        self.made.append(seconds)
        self.reached.set()
        await self.opened.wait()
        await asyncio.sleep(0)


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def web():
    with respx.mock(assert_all_called=False) as mock:
        yield mock.post(f"{URL}/embeddings").mock(side_effect=answer_well)


@pytest.fixture
async def make(web, clock, pauses):  # noqa: ARG001 - asks before anything is asked of the web
    """Makes a service, (dims, model), started and ready."""
    made = []

    async def start(url=URL, model="m", api_key=KEY, **more):
        service = EndpointEmbeddings(Endpoint(url=url, model=model, api_key=api_key, **more), clock, pauses)
        made.append(service)
        service.start()
        await service.wait_ready()
        return service

    yield start
    for service in made:
        await service.close()


@pytest.fixture
async def service(make):
    return await make()


def read_sent(web, call=-1):
    return json.loads(web.calls[call].request.content)


async def test_a_question_is_asked_as_the_api_says_and_answered_with_a_unit_vector(service, web):
    found = await service.embed_query("who?")
    assert read_sent(web) == {"model": "m", "input": ["who?"]}
    assert web.calls[-1].request.headers["authorization"] == f"Bearer {KEY}"
    assert found.whole == pytest.approx(unit("who?"))
    assert (found.whole.dtype, found.whole.flags.writeable) == (np.float32, False)
    assert found.tokens is None


async def test_a_question_asked_again_is_not_sent_again(service, web):
    await service.embed_query("who?")
    asked = web.call_count
    await service.embed_query("who?")
    assert web.call_count == asked


async def test_documents_go_in_small_batches_and_come_back_in_order(service, web):
    before = web.call_count
    texts = ["x" * n for n in range(1, BATCH_TEXTS * 2 + 2)]
    found = await service.embed_documents(texts)
    assert [len(read_sent(web, n)["input"]) for n in range(before, web.call_count)] == [BATCH_TEXTS, BATCH_TEXTS, 1]
    assert all(each.windows == pytest.approx(unit(text)[np.newaxis]) for each, text in zip(found, texts, strict=True))
    assert await service.embed_documents([]) == []


async def test_a_long_text_is_cut_into_windows_that_cover_it_and_a_long_question_is_cut_off(service, web):
    text = "".join(chr(0x4E00 + n) for n in range(WINDOW * 3))
    ((rows, _),) = await service.embed_documents([text])
    windows = read_sent(web)["input"]
    assert len(rows) == len(windows) == 4
    assert {len(window) for window in windows} == {WINDOW}
    assert (windows[0][0], windows[-1][-1]) == (text[0], text[-1])
    assert all(one[-OVERLAP:] in one + other and other[:OVERLAP] in one for one, other in pairwise(windows))
    await service.embed_query(text)
    assert read_sent(web)["input"] == [text[:WINDOW]]


async def test_the_dimensions_that_are_set_are_asked_for_and_those_that_are_not_are_learned(make, web, clock):
    unstarted = EndpointEmbeddings(Endpoint(url=URL, model="m", dims=2), clock)
    unstarted.start()
    assert unstarted.model is not None
    assert (unstarted.state, unstarted.model.dims) == ("loading", 2)
    await unstarted.close()
    assert (await make(dims=2)).model.dims == 2
    assert read_sent(web)["dimensions"] == 2
    learned = await make()
    assert "dimensions" not in read_sent(web)
    assert (learned.model.dims, learned.model.max_tokens) == (2, WINDOW)


async def test_a_generation_is_told_apart_by_url_model_and_dimensions(make, web, clock):
    one = (await make()).model
    assert one == (await make(dims=2, api_key="another")).model
    digests = {one.digest}
    for endpoint in (Endpoint(url=URL, model="n", dims=2), Endpoint(url="https://other.test", model="m", dims=2)):
        other = EndpointEmbeddings(endpoint, clock)
        other.start()
        assert other.model is not None
        digests.add(other.model.digest)
        await other.close()
    web.mock(return_value=httpx.Response(200, json={"data": [{"embedding": [1, 0, 0]}]}))
    digests.add((await make()).model.digest)
    assert len(digests) == 4


async def test_an_attempt_that_may_pass_is_made_again_after_the_time_that_was_asked_for(service, web, pauses):
    web.mock(side_effect=[httpx.Response(429, headers={"retry-after": "2"}), httpx.Response(503), embedded_answer("a")])
    assert (await service.embed_documents(["a"]))[0].windows == pytest.approx(unit("a")[np.newaxis])
    assert pauses.made == [2, PAUSES[1]]
    assert service.state == "ready"


def embedded_answer(*texts):
    return httpx.Response(200, json={"data": [{"embedding": vector(text)} for text in texts]})


@pytest.mark.parametrize(
    ("said", "waits"),
    [("7", 7), ("date", 90), ("-3", 0.25), ("soon", 0.25), ("٣", 0.25), ("", 0.25)],
)
async def test_retry_after_may_be_seconds_or_a_date_or_nonsense(service, web, pauses, clock, said, waits, monkeypatch):
    monkeypatch.setattr(remote, "BATCH_SECONDS", 100)
    said = format_datetime(clock() + timedelta(seconds=90), usegmt=True) if said == "date" else said
    web.mock(side_effect=[httpx.Response(429, headers={b"retry-after": said.encode()}), embedded_answer("a")])
    await service.embed_documents(["a"])
    assert pauses.made == [waits]


async def test_a_question_does_not_wait_as_long_as_a_busy_endpoint_asks(service, web, pauses):
    web.mock(side_effect=[httpx.Response(429, headers={"retry-after": "30"})])
    with pytest.raises(EmbeddingFailed, match="429 Too Many Requests"):
        await service.embed_query("who?")
    assert pauses.made == []
    assert service.state == "ready"


async def test_after_some_failures_in_a_row_nobody_waits_until_the_endpoint_answers_again(service, web, pauses):
    web.mock(side_effect=httpx.ConnectError("refused"))
    with structlog.testing.capture_logs() as logs, pytest.raises(EmbeddingFailed, match="ConnectError"):
        await service.embed_documents(["a"])
    assert web.call_count == 1 + FAILURES
    assert (service.state, service.model) == ("failed", None)
    assert "ConnectError" in service.reason
    pauses.opened.clear()
    pauses.reached.clear()
    with pytest.raises(EmbeddingFailed):
        await service.embed_query("who?")
    await pauses.reached.wait()
    asked = web.call_count
    with pytest.raises(EmbeddingFailed):
        await service.embed_documents(["a"])
    assert web.call_count == asked
    assert len([entry for entry in logs if "down" in entry["event"]]) == 1
    web.mock(side_effect=answer_well)
    pauses.opened.set()
    await until(lambda: service.state == "ready")
    assert (await service.embed_query("who?")).whole == pytest.approx(unit("who?"))


async def until(condition):
    """Let others run until something is so, which takes them a few turns."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")


async def test_an_endpoint_that_stays_down_is_asked_less_and_less_often(clock, web, pauses):
    web.mock(side_effect=httpx.Response(500))
    service = EndpointEmbeddings(Endpoint(url=URL, model="m"), clock, pauses)
    service.start()
    await until(lambda: LONGEST_PAUSE in pauses.made)
    await service.close()
    between = [pause for pause in pauses.made if pause not in PAUSES]
    assert between[:3] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert max(between) == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "check KEY"),
        (403, "check KEY"),
        (404, "check URL and MODEL"),
        (307, "307"),
        (599, "599"),
    ],
)
async def test_a_setting_that_is_wrong_is_named(clock, web, pauses, status, told):
    web.mock(side_effect=httpx.Response(status, text="<html>"))
    pauses.opened.clear()
    names = EndpointNames(url="URL", model="MODEL", api_key="KEY", dims="DIMS")
    service = EndpointEmbeddings(Endpoint(url=URL, model="m", api_key=KEY, names=names), clock, pauses)
    service.start()
    if status == 599:
        pauses.opened.set()
    with pytest.raises(EmbeddingFailed, match=told):
        await service.wait_ready()
    assert service.state == "failed"
    await service.close()


async def test_a_key_that_is_refused_later_is_not_tried_again_and_again(service, web, pauses):
    web.mock(side_effect=httpx.Response(401))
    pauses.opened.clear()
    with pytest.raises(EmbeddingFailed, match="401"):
        await service.embed_documents(["a"])
    assert (service.state, web.call_count) == ("failed", 2)


async def test_a_text_that_is_refused_is_its_own_failure_and_not_the_endpoints(service, web):
    for status in (400, 413, 422):
        web.mock(side_effect=httpx.Response(status))
        with pytest.raises(EmbeddingFailed, match="to this text"):
            await service.embed_documents(["a"])
    assert service.state == "ready"


GARBAGE = {
    "not json": b"\xff{",
    "another shape": b'{"embedding": [1, 0]}',
    "a list": b"[]",
    "no vectors": b'{"data": {"a": 1}}',
    "too few": b'{"data": []}',
    "too many": b'{"data": [{"embedding": [1, 0]}, {"embedding": [1, 0]}]}',
    "ragged": b'{"data": [{"embedding": [[1], 0]}]}',
    "flat": b'{"data": [{"embedding": 1}]}',
    "words": b'{"data": [{"embedding": ["a", "b"]}]}',
    "base64": b'{"data": [{"embedding": "AACAPwAAAAA="}]}',
    "too long": b'{"data": [{"embedding": [1, 0, 0]}]}',
    "empty": b'{"data": [{"embedding": []}]}',
    "zero": b'{"data": [{"embedding": [0, 0]}]}',
    "not a number": b'{"data": [{"embedding": [NaN, 1]}]}',
    "infinite": b'{"data": [{"embedding": [Infinity, 1]}]}',
    "null": b'{"data": [{"embedding": [null, 1]}]}',
    "huge": b'{"data": [{"embedding": [1e200, 1]}]}',
    "beyond huge": b'{"data": [{"embedding": [1' + b"0" * 400 + b", 1]}]}",
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
async def test_an_answer_that_is_not_what_was_asked_for_is_not_believed(service, web, pauses, body):
    pauses.opened.clear()
    web.mock(side_effect=httpx.Response(200, content=body))
    with pytest.raises(EmbeddingFailed, match="the embedding endpoint"):
        await service.embed_documents(["a"])
    assert service.state == "failed"


@pytest.mark.parametrize("status", [200, 429])
async def test_an_answer_without_an_end_is_not_read_on(service, web, pauses, status):
    pauses.opened.clear()
    piece, read_sent = b" " * (1 << 20), 0

    async def pour():
        nonlocal read_sent
        while read_sent <= MOST_ANSWER_BYTES:
            read_sent += len(piece)
            yield piece
        raise AssertionError("it reads on")

    web.mock(side_effect=lambda _: httpx.Response(status, content=pour()))
    with pytest.raises(EmbeddingFailed, match="answered more than 16 MiB"):
        await service.embed_documents(["a"])
    assert service.state == "failed"


async def test_an_endpoint_that_hangs_is_given_up_on(service, web, monkeypatch):
    async def hang(_request):
        await asyncio.Event().wait()

    monkeypatch.setattr(remote, "QUESTION_SECONDS", 0.01)
    web.mock(side_effect=hang)
    for _ in range(FAILURES):
        with pytest.raises(EmbeddingFailed, match=r"did not answer in 0\.01 seconds"):
            await service.embed_query("who?")
    assert service.state == "failed"


async def test_documents_are_sent_a_few_at_a_time_and_a_question_waits_for_none_of_them(service, web):
    going = asyncio.Event()

    async def held_up(request):
        if json.loads(request.content)["input"] != ["who?"]:
            await going.wait()
        return answer_well(request)

    web.mock(side_effect=held_up)
    before = web.call_count
    calls = [asyncio.create_task(service.embed_documents([f"{n}"])) for n in range(AT_ONCE + 2)]
    assert await service.embed_query("who?") is not None
    assert web.call_count - before <= AT_ONCE + 1
    going.set()
    assert len(await asyncio.gather(*calls)) == AT_ONCE + 2


async def test_the_key_is_in_no_message_and_no_log_line(clock, web, pauses, caplog):
    """Not even where the library would show the header that it refuses."""
    caplog.set_level("DEBUG")
    endpoint = Endpoint(url=URL, model="m", api_key=KEY)
    told = [repr(endpoint)]
    with structlog.testing.capture_logs() as logs:
        for outcome in (
            httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"),
            httpx.ConnectError(KEY),
            httpx.Response(401, text=KEY),
            httpx.Response(200, text=KEY),
        ):
            web.mock(side_effect=outcome)
            service = EndpointEmbeddings(endpoint, clock, pauses)
            service.start()
            with pytest.raises(EmbeddingFailed) as failed:
                await service.wait_ready()
            told += [service.reason, str(failed.value), repr(failed.value.__context__)]
            await service.close()
    assert KEY not in f"{told}{logs}{caplog.text}"
    assert len(logs) >= 4


async def test_closing_refuses_what_comes_and_ends_what_waits(service, web, pauses):
    pauses.opened.clear()
    web.mock(side_effect=httpx.Response(401))
    with pytest.raises(EmbeddingFailed):
        await service.embed_query("who?")
    await service.close()
    assert (service.state, service.reason) == ("absent", "the server is stopping")
    with pytest.raises(EmbeddingFailed, match="stopping"):
        await service.embed_documents(["late"])
