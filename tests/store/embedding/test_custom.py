"""A provider of embeddings that another package brings: how it is found, asked, and kept from doing harm."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from server.config import Settings, load_settings
from server.errors import Failure
from server.store.embedding import remote
from server.store.embedding.custom import CustomEmbeddings, ProviderOptions
from server.store.embedding.source import EmbeddingFailed
from server.wiring.stores import build_remote_source

pytestmark = pytest.mark.anyio

MODULE = '''
class Provider:
    """Vectors by length and purpose."""

    def __init__(self, options):
        self.options = options
        self.asked = []
        self.is_closed = False

    async def embed(self, texts, purpose):
        self.asked.append((texts, purpose))
        return [(len(text), 1 if purpose == "query" else 2) for text in texts]

    def close(self):
        self.is_closed = True


def make_nothing(options):
    return None


def refuse(options):
    raise OSError("no such device")
'''
ENTRY_POINTS = """
[loci.embedding_providers]
our-own = throwaway_provider:Provider
nothing = throwaway_provider:make_nothing
refusing = throwaway_provider:refuse
missing = throwaway_provider:NotThere
openai = throwaway_provider:Provider
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A distribution that is installed for the length of a test."""
    folder = tmp_path / "site-packages"
    info = folder / "throwaway_provider-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "throwaway_provider.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: throwaway-provider\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(folder)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.0)


@pytest.mark.usefixtures("package")
async def test_a_provider_of_another_package_is_found_by_its_name_and_gets_the_settings(clock):
    environ = {
        "LOCI_EMBEDDING_PROVIDER": "our-own",
        "LOCI_EMBEDDING_MODEL": "m",
        "LOCI_EMBEDDING_API_KEY": "sk-hunter2",
        "LOCI_EMBEDDING_DIMS": "2",
    }
    source = build_remote_source(load_settings(environ), clock)
    assert isinstance(source, CustomEmbeddings)
    source.start()
    await source.wait_ready()
    calls: Any = source._calls  # noqa: SLF001 - nobody else can reach the provider
    provider = calls._provider  # noqa: SLF001 - as above
    assert provider.options == ProviderOptions(model="m", api_key="sk-hunter2", dims=2)
    assert "hunter2" not in repr(provider.options)
    assert (await source.embed_query("who?")).whole == pytest.approx([4 / 17**0.5, 1 / 17**0.5])
    await source.embed_documents(["a"])
    assert provider.asked[-2:] == [(["who?"], "query"), (["a"], "document")]
    assert source.model is not None
    assert (source.model.name, source.model.dims) == ("m", 2)
    await source.close()
    assert provider.is_closed


@pytest.mark.usefixtures("package")
def test_a_misspelt_provider_is_told_the_names_of_the_installed_ones_too():
    with pytest.raises(SystemExit, match=r"must be one of local, endpoint, .*, missing, nothing, our-own, refusing"):
        load_settings({"LOCI_EMBEDDING_PROVIDER": "our_own"})


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing", "nothing returns nothing that has a method `embed`"),
        ("refusing", r"cannot be used \(OSError: no such device\)"),
        ("missing", r"cannot be used \(AttributeError"),
    ],
)
def test_a_package_that_cannot_be_used_stops_the_start_and_is_named(clock, name, told):
    with pytest.raises(Failure, match=f"LOCI_EMBEDDING_PROVIDER: .*{told}"):
        build_remote_source(Settings(embedding_provider=name), clock)


@pytest.mark.usefixtures("package")
def test_no_package_takes_the_place_of_a_provider_that_is_built_in(clock):
    source = build_remote_source(Settings(embedding_provider="openai", embedding_api_key=SecretStr("k")), clock)
    assert not isinstance(source, CustomEmbeddings)


async def open_custom(embed, **options):
    provider: Any = SimpleNamespace(embed=embed)
    source = CustomEmbeddings("ours", ProviderOptions(**options), provider)
    source.start()
    return source


async def test_a_plain_function_is_called_in_a_thread_of_its_own():
    threads = []

    def embed(texts, _purpose):
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        threads.append(len(texts))
        return [[1.0, 2.0] for _ in texts]

    source = await open_custom(embed)
    await source.wait_ready()
    assert (await source.embed_documents(["a", "b"]))[1].windows.shape == (1, 2)
    assert threads == [1, 2]
    await source.close()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "wrong",
    [
        lambda _texts: [],
        lambda _texts: None,
        lambda _texts: [[float("nan"), 1.0]],
        lambda _texts: [[1.0, 2.0, 3.0]],
        lambda _texts: ["words"],
        lambda texts: texts[5],
        lambda texts: (_ for _ in ()).throw(ValueError(f"cannot embed {texts}")),
    ],
)
async def test_an_answer_that_is_wrong_leaves_no_vectors_and_no_text_in_the_message(wrong):
    is_wrong = False

    async def embed(texts, _purpose):
        return wrong(texts) if is_wrong else [[1.0, 2.0] for _ in texts]

    source = await open_custom(embed)
    await source.wait_ready()
    is_wrong = True
    with pytest.raises(EmbeddingFailed, match="the embedding provider ours") as failed:
        await source.embed_documents(["a secret text"])
    assert "secret" not in str(failed.value)
    is_wrong = False
    for _ in range(1000):
        if source.state == "ready":
            break
        await asyncio.sleep(0)
    assert (await source.embed_query("a")).whole.shape == (2,)
    await source.close()


async def test_a_provider_that_hangs_is_given_up_on(monkeypatch):
    monkeypatch.setattr(remote, "QUESTION_SECONDS", 0.01)

    async def embed(texts, _purpose):
        if texts != ["warm up"]:
            await asyncio.Event().wait()
        return [[1.0, 2.0]]

    source = await open_custom(embed)
    await source.wait_ready()
    with pytest.raises(EmbeddingFailed, match=r"the embedding provider ours did not answer in 0\.01 seconds"):
        await source.embed_query("who?")
    await source.close()


async def test_an_error_while_the_provider_is_closed_does_not_keep_the_server_from_stopping():
    async def embed(texts, _purpose):
        return [[1.0] for _ in texts]

    async def close():
        raise OSError

    provider: Any = SimpleNamespace(embed=embed, close=close)
    source = CustomEmbeddings("ours", ProviderOptions(), provider)
    source.start()
    await source.wait_ready()
    await source.close()
    assert source.state == "absent"


async def test_a_small_store_waits_for_one_call_of_another_account_and_not_for_all_of_them():
    asked, answers = [], asyncio.Queue()

    class Gated:
        async def embed(self, texts, purpose):
            if purpose == "document":
                asked.append(texts[0])
                await answers.get()
            return [(1.0, 2.0)] * len(texts)

    service = CustomEmbeddings("gated", ProviderOptions(), Gated())
    service.start()
    await service.wait_ready()
    flood = [asyncio.create_task(service.embed_documents([f"{n}"] * 50, "large")) for n in range(40)]
    gone = asyncio.create_task(service.embed_documents(["gone"], "impatient"))
    small = asyncio.create_task(service.embed_documents(["small"], "small"))
    await asyncio.sleep(0)  # they have begun
    gone.cancel()
    for _ in range(remote.AT_ONCE + 2):
        answers.put_nowait(None)
    assert len(await asyncio.wait_for(small, 60)) == 1
    assert asked.index("small") <= remote.AT_ONCE + 1
    assert "gone" not in asked
    for each in flood:
        each.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    answers.put_nowait(None)
    assert len(await asyncio.wait_for(service.embed_documents(["later"], "large"), 60)) == 1  # no place was lost
    await service.close()
