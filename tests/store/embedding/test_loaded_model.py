"""The vectors of the real model: the right ones, in the right order, and as many as a text needs."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from server.memory.embedding_model import TOKEN_DIMS
from server.store.embedding.local import LocalEmbeddings
from server.store.embedding.models.loaded_model import BATCH_TEXTS, BATCH_TOKENS, MAX_WINDOWS, OVERLAP, spread_windows
from server.store.embedding.models.model_folder import MINILM

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def real(models):
    embeddings = LocalEmbeddings(models, MINILM, threads=1)
    embeddings.start()
    await embeddings.wait_ready()
    yield embeddings
    await embeddings.close()


async def test_similarities_are_those_that_the_models_publisher_lists(real):
    # the quick start of sentence-transformers prints these for this model
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    first, second, third = [each.windows[0] for each in await real.embed_documents(texts)]
    found = [first @ second, first @ third, second @ third]
    np.testing.assert_allclose(found, [0.6660, 0.1046, 0.1411], atol=1e-4)


async def test_vectors_are_float32_of_length_one(real):
    query = (await real.embed_query("where is the key?")).whole
    rows = (await real.embed_documents(["under the mat"]))[0].windows
    assert (query.shape, query.dtype) == ((384,), np.float32)
    assert (rows.shape, rows.dtype) == ((1, 384), np.float32)
    np.testing.assert_allclose([np.linalg.norm(query), np.linalg.norm(rows[0])], 1, atol=1e-6)


async def test_documents_come_back_in_the_order_they_were_given_in(real):
    texts = [f"{'so ' * (n * 7 % 30)}the number is {n}" for n in range(40)]
    together = [each.windows for each in await real.embed_documents(texts)]
    alone = [(await real.embed_documents([text]))[0].windows for text in texts]
    np.testing.assert_allclose([a[0] @ b[0] for a, b in zip(together, alone, strict=True)], 1, atol=1e-5)


async def test_equal_texts_have_equal_vectors_and_an_empty_one_has_one_too(real):
    first, empty, second = (each.windows for each in await real.embed_documents(["tea", "", "tea"]))
    np.testing.assert_array_equal(first, second)
    assert empty.shape == (1, 384)


async def test_no_documents_need_no_vectors(real):
    assert await real.embed_documents([]) == []


async def test_the_end_of_a_long_text_is_found_through_one_of_its_windows(real):
    text = "The harbour was quiet and the boats were still. " * 60 + "The password of the safe is heliotrope."
    rows = (await real.embed_documents([text]))[0].windows
    question = (await real.embed_query("What is the password of the safe?")).whole
    scores = rows @ question
    assert len(rows) > 1
    assert scores.argmax() == len(rows) - 1
    assert scores[-1] > scores[0] + 0.15


async def test_the_largest_content_there_can_be_has_a_bounded_number_of_windows(real):
    rows = (await real.embed_documents([". " * (16 * 1024)]))[0].windows
    assert rows.shape == (MAX_WINDOWS, 384)


async def test_a_text_with_multibyte_characters_is_cut_between_characters(real):
    rows = (await real.embed_documents(["Das Frühstück in Köln war süß, 我们明天去北京。 " * 60]))[0].windows
    assert len(rows) > 1


async def test_each_token_of_a_text_and_of_a_question_has_a_vector_and_the_same_word_the_same_direction(real):
    (text,) = await real.embed_documents(["The kettle is on the stove."])
    question = await real.embed_query("kettle?")
    assert text.tokens.dtype == question.tokens.dtype == np.int8
    assert text.tokens.shape == (7, TOKEN_DIMS)  # a token for each word, and one for the full stop
    assert question.places == (0, 6)
    cosines = text.tokens.astype(float) @ question.tokens[0] / 127**2
    assert cosines.argmax() == 1
    assert cosines[1] > 0.6


async def test_vectors_of_tokens_are_the_same_in_a_batch_and_alone(real):
    texts = [f"{'so ' * n}the number is {n}" for n in range(12)]
    for text, together in zip(texts, await real.embed_documents(texts), strict=True):
        (alone,) = await real.embed_documents([text])
        assert np.abs(alone.tokens.astype(int) - together.tokens).max() <= 1


async def test_a_long_text_has_vectors_for_its_first_tokens_alone(real):
    (text,) = await real.embed_documents(["a kettle and a stove " * 200])
    assert text.tokens.shape == (254, TOKEN_DIMS)
    (empty,) = await real.embed_documents([""])
    assert empty.tokens.shape == (0, TOKEN_DIMS)
    assert (await real.embed_query("")).tokens.shape == (0, TOKEN_DIMS)


@pytest.mark.parametrize(("tokens", "window"), [(255, 254), (508, 254), (3000, 254), (9000, 254)])
def test_windows_reach_from_the_first_token_to_the_last_and_overlap(tokens, window):
    starts = spread_windows(tokens, window)
    assert starts[0] == 0
    assert starts[-1] + window == tokens
    assert max(b - a for a, b in pairwise(starts)) <= window - OVERLAP


async def test_questions_of_many_callers_have_the_vectors_that_each_has_alone(real):
    questions = [f"{'so ' * n}who has number {n}?" for n in range(12)]
    together = await asyncio.gather(*map(real.embed_query, questions))
    real.forget_queries()
    for question, found in zip(questions, together, strict=True):
        alone = await real.embed_query(question)
        assert found.whole @ alone.whole == pytest.approx(1, abs=1e-5)
        assert found.places == alone.places
        assert np.abs(found.tokens.astype(int) - alone.tokens).max() <= 1


async def test_a_batch_is_small_enough_for_a_question_to_wait_for(real):
    done = []
    texts = [f"a turn of a talk about the weather, number {n}" for n in range(20 * BATCH_TEXTS)]
    documents = asyncio.create_task(real.embed_documents(texts))
    documents.add_done_callback(lambda _: done.append("documents"))
    await asyncio.sleep(0)
    await real.embed_query("what was number seven?")
    done.append("question")
    await documents
    assert done == ["question", "documents"]
    assert BATCH_TOKENS <= 2 * 256
