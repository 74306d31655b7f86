"""Files that a setting or an option names: whatever they are, they are read or refused, and soon."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from server.config import load_settings
from server.small_files import UnusableFile, read_small_file

ENDLESS = ["/dev/zero", "/dev/urandom"]


def test_a_file_is_read_whole_and_a_pipe_to_its_end(tmp_path):
    path = tmp_path / "password"
    path.write_bytes(b"x" * 100)
    assert read_small_file(path, 100) == b"x" * 100
    assert read_small_file(Path("/dev/null")) == b""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/sh", "-c", 'sleep 0.2; (printf a; sleep 0.2; printf b) > "$1"', "sh", str(pipe)]):
        assert read_small_file(pipe) == b"ab"


def test_what_has_no_end_or_no_text_is_refused_with_the_reason(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 101)
    began = time.monotonic()
    for path, reason in {
        tmp_path / "pipe": "nobody writes into it",
        tmp_path / "large": "more than 100 bytes",
        tmp_path: "Is a directory",
        tmp_path / "none": "No such file",
        **{Path(each): "more than 100 bytes" for each in ENDLESS},
    }.items():
        with pytest.raises(UnusableFile, match=reason):
            read_small_file(path, 100, seconds=0.3)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("path", ENDLESS)
@pytest.mark.parametrize("name", ["LOCI_SECRET_KEY_FILE", "LOCI_LLM_API_KEY_FILE", "LOCI_ENV_FILE"])
def test_a_setting_that_names_a_device_without_end_is_refused_by_its_name(name, path):

    with pytest.raises(SystemExit, match=f"{path}: it has more than"):
        load_settings({name: path})
