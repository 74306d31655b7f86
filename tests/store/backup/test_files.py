"""The files of backups: their names, and the oldest ones that are removed."""

import fcntl
from datetime import UTC, datetime, timedelta

import pytest

from server.store.backup.files import list_backups, name_by_time, open_new_file, remove_leftovers, remove_oldest

NOW = datetime(2026, 11, 30, 4, 15, 0, 5000, UTC)


def test_the_newest_are_kept_and_other_files_are_left_alone(tmp_path):
    made = [name_by_time(tmp_path, NOW + timedelta(hours=13) * n) for n in range(5)]
    others = [tmp_path / name for name in ("loci.db", "loci-old.backup", "mine.backup")]
    for path in (*made, *others):
        path.touch()
    assert made[0].name == "loci-2026-11-30T041500.005Z.backup"
    assert remove_oldest(tmp_path, 9, made[4]) == []
    assert remove_oldest(tmp_path, 2, made[4]) == made[:3]
    assert list_backups(tmp_path) == made[3:]
    assert all(path.exists() for path in others)


def test_a_new_backup_is_kept_if_the_clock_was_set_back(tmp_path):
    made = [name_by_time(tmp_path, NOW + timedelta(hours=1) * n) for n in range(4)]
    for path in made:
        path.touch()
    assert remove_oldest(tmp_path, 2, made[0]) == made[1:3]
    assert remove_oldest(tmp_path, 1, made[0]) == made[3:]
    assert list_backups(tmp_path) == made[:1]


def test_two_backups_of_one_name_at_once_do_not_overwrite_each_other(tmp_path):
    path = tmp_path / "a.backup"

    def write_both():
        with open_new_file(path) as (second, _):
            second.write(b"second")
            with open_new_file(path) as (first, _):
                first.write(b"first")

    with pytest.raises(FileExistsError):
        write_both()
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_backup_left_is_removed_and_what_one_writes_now_is_not(tmp_path):
    path = name_by_time(tmp_path, NOW)
    left = tmp_path / f".{path.name}.abc.partial"
    left.touch()
    with open_new_file(path) as (_, partial):
        remove_leftovers(tmp_path)
        assert not left.exists()
        assert partial.exists()
    assert path.exists()
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it any more
