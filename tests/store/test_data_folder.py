"""Nobody but the owner of the data folder may read it."""

import os
import stat

import pytest

from server.store.data_folder import close_to_others, find_exposed_paths


@pytest.fixture
def folder(tmp_path):
    """A data folder as an earlier version has left it, with a link to a file elsewhere."""
    folder = tmp_path / "data"
    (folder / "shards" / "one").mkdir(parents=True)
    for path in (folder / "loci.db", folder / "shards" / "one" / "segment", tmp_path / "elsewhere"):
        path.write_text("x")
        path.chmod(0o644)
    for path in (folder, folder / "shards", folder / "shards" / "one"):
        path.chmod(0o755)
    (folder / "models").symlink_to(tmp_path / "elsewhere")
    return folder


def test_everything_that_others_may_read_is_found_and_closed_but_for_links(folder, tmp_path):
    inside = {
        folder,
        folder / "loci.db",
        folder / "shards",
        folder / "shards" / "one",
        folder / "shards" / "one" / "segment",
    }
    assert set(find_exposed_paths(folder, [folder / "missing"])) == inside
    assert close_to_others(find_exposed_paths(folder)) == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in inside if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in inside if path.is_file()} == {0o600}
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o644


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o777])
def test_each_permission_of_others_is_found(tmp_path, mode):
    path = tmp_path / "loci.db"
    path.write_text("x")
    path.chmod(mode)
    tmp_path.chmod(0o700)
    assert list(find_exposed_paths(tmp_path)) == [path]
    assert list(find_exposed_paths(tmp_path.parent / "nowhere", [path])) == [path]


def test_a_path_that_cannot_be_closed_is_returned_and_the_others_are_closed(folder, monkeypatch):
    refused = folder / "loci.db"
    chmod = os.chmod

    def refuse(path, mode, **how):
        if os.fspath(path) == os.fspath(refused):
            raise PermissionError(1, "Operation not permitted")
        chmod(path, mode, **how)

    monkeypatch.setattr(os, "chmod", refuse)
    assert close_to_others(find_exposed_paths(folder)) == [refused]
    assert list(find_exposed_paths(folder)) == [refused]
