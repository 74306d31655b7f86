"""The secret key: given, or made once and kept where only we can read it."""

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from auth.tokens.sealing import Sealer, load_secret_key
from server.errors import Failure


def test_a_key_that_was_given_is_used_and_nothing_is_written(tmp_path):
    assert load_secret_key("a secret of tests", tmp_path / "secret.key") == "a secret of tests"
    assert not (tmp_path / "secret.key").exists()


def test_without_one_a_key_is_made_once_for_its_owner_only(tmp_path):
    path = tmp_path / "new" / "secret.key"
    key = load_secret_key("", path)
    assert len(key) >= 43
    assert load_secret_key("", path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"a", b"x" * 31 + b"\n", b"\0" * 31])
def test_a_file_with_too_little_for_a_secret_is_refused_by_its_name_and_kept(tmp_path, content):
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    with pytest.raises(Failure, match=f"^{path} holds .* bytes, and a secret key needs 32"):
        load_secret_key("", path)
    assert path.read_bytes() == content


def test_a_file_that_holds_no_text_is_refused_by_its_name(tmp_path):
    (tmp_path / "secret.key").write_bytes(b"\xff" * 40)
    with pytest.raises(Failure, match=f"^{tmp_path / 'secret.key'} holds no text"):
        load_secret_key("", tmp_path / "secret.key")


def test_a_file_of_32_bytes_is_taken(tmp_path):
    key = secrets.token_hex(16)
    (tmp_path / "secret.key").write_text(f"{key}\n")
    assert load_secret_key("", tmp_path / "secret.key") == key


@pytest.mark.parametrize("content", [b"x" * 32, b"changeme" * 4, b"\0" * 40, bytes(range(40, 80))])
def test_a_file_with_a_pattern_is_refused_by_its_name_and_kept(tmp_path, content):
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    with pytest.raises(Failure, match=f"^{path} holds a pattern, and a secret key must be random"):
        load_secret_key("", path)
    assert path.read_bytes() == content


def test_processes_that_start_at_once_read_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: load_secret_key("", tmp_path / "secret.key"), range(8)))) == 1


def test_what_is_sealed_under_one_key_opens_under_no_other():
    sealed = Sealer("one").seal(b"text")
    assert Sealer("one").unseal(sealed) == b"text"
    assert Sealer("two").unseal(sealed) is None
    assert Sealer("one").make_csrf_token("cookie") != Sealer("two").make_csrf_token("cookie")
