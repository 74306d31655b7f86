"""The models and the endpoints that the commands look for: `loci doctor` and `loci model pull`."""

import asyncio
import json
import os
from dataclasses import asdict

import httpx
import pytest
from huggingface_hub import constants

from server.config import Settings
from server.memory.embedding_model import Model
from server.store.data_folder import OWNER_ONLY
from server.store.embedding.models.model_folder import MULTILINGUAL, find_model_folder
from tests.doubles import tiny_cross_encoder
from tests.helpers.clock import Clock
from tests.helpers.logins.fake_issuer import URL, FakeIssuer, open_fake_web
from tests.helpers.site import open_site


def test_doctor_asks_the_embedding_endpoint_and_never_shows_its_key(cli, monkeypatch, endpoint):
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    assert "m at https://embed.test/v1, 2 dimensions" in " ".join(cli("doctor").stderr.split())
    endpoint.mock(side_effect=httpx.Response(401, text="sk-hunter2"))
    told = " ".join(cli("doctor").stderr.split())
    assert "answered 401 Unauthorized; check LOCI_EMBEDDING_API_KEY" in told
    assert "hunter2" not in told


def test_doctor_looks_for_the_cross_encoder_that_is_set(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("LOCI_RERANK_MODEL", tiny_cross_encoder.NAME)
    assert f"{tiny_cross_encoder.NAME}: not pulled yet" in " ".join(cli("doctor").stderr.split())
    tiny_cross_encoder.write_model(tmp_path / "data" / "models")
    assert f"cross-encoder: {tiny_cross_encoder.NAME}" in " ".join(cli("doctor").stderr.split())


@pytest.mark.usefixtures("endpoint")
def test_pulling_models_leaves_the_endpoints_alone_and_says_what_is_missing_of_the_rest(cli, monkeypatch):
    assert cli("model", "pull", "--strict").exit_code == 0
    assert cli("model", "pull").stderr.startswith("No model is wanted")
    monkeypatch.setenv("LOCI_RERANK_MODEL", tiny_cross_encoder.NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused = cli("model", "pull", "--strict")
    assert refused.exit_code == 1
    assert f"The cross-encoder {tiny_cross_encoder.NAME} could not be fetched" in " ".join(refused.stderr.split())
    assert cli("model", "pull").exit_code == 0
    refused = cli("model", "pull", "--multilingual")
    assert refused.exit_code == 1
    assert "LOCI_EMBEDDING_PROVIDER is not local" in " ".join(refused.stderr.split())


def test_without_a_hub_the_multilingual_model_is_refused_by_its_name(cli, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused = cli("model", "pull", "--multilingual", "--strict")
    assert refused.exit_code == 1
    told = " ".join(refused.stderr.split())
    assert f"The embedding model {MULTILINGUAL} could not be fetched: the model hub cannot be reached" in told


def test_the_multilingual_model_that_is_here_is_named_with_the_setting_that_takes_it(cli, tmp_path):
    home = find_model_folder(tmp_path / "data" / "models", MULTILINGUAL)
    home.mkdir(parents=True)
    (home / "loci.json").write_text(json.dumps(asdict(Model(MULTILINGUAL, "d", 384, 128, "model.onnx"))))
    (home / "model.onnx").touch()
    told = " ".join(cli("model", "pull", "--multilingual").stderr.split())
    assert MULTILINGUAL in told
    assert "set LOCI_EMBEDDING_MODEL=multilingual" in told


def test_doctor_names_what_is_wrong_and_what_to_do(cli, monkeypatch):
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "auto")
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    result = cli("doctor")
    told = " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert "model pull" in told
    assert "does not answer" in told
    assert "Start it" in told


def test_doctor_asks_each_issuer_for_its_keys(cli, monkeypatch):
    monkeypatch.setenv("LOCI_AUTH_ISSUER", URL)
    issuer = FakeIssuer(Clock(), audience="loci")
    with open_fake_web() as router:
        issuer.answer(router)
        assert f"issuers: {URL} publishes 1 usable key" in " ".join(cli("doctor").stderr.split())
        issuer.metadata["issuer"] = f"{URL}/"
        told = " ".join(cli("doctor").stderr.split())
    assert f"Its metadata name the issuer '{URL}/', and not '{URL}'." in told
    assert "Check LOCI_AUTH_ISSUER" in told


def test_doctor_finds_nothing_wrong_with_a_server_that_runs(cli, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path / "data", embedding_model="none")
    os.umask(OWNER_ONLY)  # as `serve` has it

    async def run_beside_server():
        async with open_site(settings, Clock()) as site:
            monkeypatch.setenv("LOCI_PUBLIC_URL", site.url)
            monkeypatch.setenv("LOCI_PORT", "0")  # 8080 may be another program's
            return await asyncio.to_thread(cli, "doctor")

    result = asyncio.run(run_beside_server())
    assert result.exit_code == 0, result.output
