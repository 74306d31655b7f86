"""`auto` takes what is there, and stays with it: another model that turns up later changes nothing by itself."""

import json
from dataclasses import asdict

import pytest

from server.memory.embedding_model import Model
from server.store.embedding.encoder import choose_model
from server.store.embedding.models.model_folder import BGE, CARD, MINILM, find_model_folder
from server.store.record.works import generations

pytestmark = pytest.mark.anyio


def put_model(folder, name):
    """A folder that looks like a model; nothing here loads it."""
    home = find_model_folder(folder, name)
    home.mkdir(parents=True)
    (home / "model.onnx").touch()
    model = Model(name, "0" * 64, 384, 256, "model.onnx")
    (home / CARD).write_text(json.dumps(asdict(model)))
    return model


async def take_model(db, clock, model):
    async with db.write() as connection:
        await generations.ensure_generation(connection, model, clock())


async def test_a_new_server_takes_the_first_model_there_is(db, tmp_path):
    put_model(tmp_path, MINILM)
    assert await choose_model(db, tmp_path, "auto") == "auto"


async def test_a_model_that_was_taken_stays_when_a_better_one_turns_up(db, clock, tmp_path):
    await take_model(db, clock, put_model(tmp_path, MINILM))
    put_model(tmp_path, BGE)
    assert await choose_model(db, tmp_path, "auto") == MINILM


async def test_a_setting_that_names_a_model_is_followed(db, clock, tmp_path):
    await take_model(db, clock, put_model(tmp_path, MINILM))
    assert await choose_model(db, tmp_path, BGE) == BGE


async def test_a_model_that_is_gone_is_not_waited_for(db, clock, tmp_path):
    await take_model(db, clock, put_model(tmp_path / "elsewhere", MINILM))
    put_model(tmp_path, BGE)
    assert await choose_model(db, tmp_path, "auto") == "auto"
