"""The secret key: given, or made once and kept where only we can read it."""

import stat
from concurrent.futures import ThreadPoolExecutor

from pydantic import SecretStr

from auth.tokens.sealing import Sealer, secret_key


def test_a_key_that_was_given_is_used_and_nothing_is_written(settings, tmp_path):
    assert secret_key(settings) == "a secret of tests"
    assert not (tmp_path / "secret.key").exists()


def test_without_one_a_key_is_made_once_for_its_owner_only(settings, tmp_path):
    none = settings.model_copy(update={"secret_key": SecretStr(""), "data_dir": tmp_path / "new"})
    made = secret_key(none)
    assert len(made) >= 43
    assert secret_key(none) == made
    assert stat.S_IMODE((tmp_path / "new" / "secret.key").stat().st_mode) == 0o600
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_processes_that_start_at_once_read_one_key(settings):
    none = settings.model_copy(update={"secret_key": SecretStr("")})
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: secret_key(none), range(8)))) == 1


def test_what_is_sealed_under_one_key_opens_under_no_other():
    sealed = Sealer("one").seal(b"text")
    assert Sealer("one").unseal(sealed) == b"text"
    assert Sealer("two").unseal(sealed) is None
    assert Sealer("one").csrf_token("cookie") != Sealer("two").csrf_token("cookie")
