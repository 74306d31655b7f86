"""One process owns the data folder."""

import os
import subprocess
import sys

import pytest

from server.store.search.folder_ownership import LOCK_NAME, AlreadyOwned, FolderOwnership

HOLD = """
import sys
from pathlib import Path
from server.store.search.folder_ownership import FolderOwnership
owner = FolderOwnership.acquire(Path(sys.argv[1]))
print("owned", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that owns the folder until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"owned\n"
        yield process
        process.kill()


def test_the_owner_makes_the_folder_and_writes_its_process_id(tmp_path):
    folder = tmp_path / "new" / "data"
    with FolderOwnership.acquire(folder):
        assert (folder / LOCK_NAME).read_text() == str(os.getpid())


def test_a_second_owner_in_this_process_is_told_who_the_first_is(tmp_path):
    with FolderOwnership.acquire(tmp_path), pytest.raises(AlreadyOwned) as refused:
        FolderOwnership.acquire(tmp_path)
    assert refused.value.pid == os.getpid()


def test_a_second_process_is_told_who_the_owner_is(tmp_path, other):
    with pytest.raises(AlreadyOwned, match=str(other.pid)) as refused:
        FolderOwnership.acquire(tmp_path)
    assert refused.value.pid == other.pid


def test_a_folder_whose_owner_was_killed_can_be_owned(tmp_path, other):
    other.kill()
    other.wait()
    assert (tmp_path / LOCK_NAME).read_text() == str(other.pid)
    with FolderOwnership.acquire(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text() == str(os.getpid())


def test_a_released_folder_can_be_owned_again_and_names_nobody(tmp_path):
    owner = FolderOwnership.acquire(tmp_path)
    owner.release()
    owner.release()
    assert (tmp_path / LOCK_NAME).read_text() == ""
    FolderOwnership.acquire(tmp_path).release()


def test_an_owner_that_has_not_written_its_id_yet_is_still_an_owner(tmp_path):
    with FolderOwnership.acquire(tmp_path):
        (tmp_path / LOCK_NAME).write_text("")
        with pytest.raises(AlreadyOwned) as refused:
            FolderOwnership.acquire(tmp_path)
    assert refused.value.pid is None


def test_a_spawned_child_does_not_hold_the_lock(tmp_path):
    owner = FolderOwnership.acquire(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        owner.release()
        FolderOwnership.acquire(tmp_path).release()
        child.kill()
