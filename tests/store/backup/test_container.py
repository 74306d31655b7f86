"""The file of a backup: it is read as it was written, or refused with the reason."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.store.backup import container
from server.store.backup.container import END, MANIFEST, MARK, ROWS, BackupReader, BackupWriter, Part
from server.store.backup.encryption import LEAST_COST, make_encryption
from server.store.backup.refusals import (
    DamagedBackup,
    ForeignFile,
    NewerBackup,
    PasswordNeeded,
    TruncatedBackup,
    UnusableBackup,
    WrongPassword,
)

PARTS = [Part(MANIFEST, b"all"), Part(ROWS, b"some rows" * 20), Part(ROWS, b""), Part(END, b"two")]
KEPT = {secret: make_encryption("long enough", LEAST_COST) if secret else None for secret in (True, False)}


def write(secret, parts=PARTS):
    file = io.BytesIO()
    writer = BackupWriter(file, KEPT[secret])
    for part in parts[:-1]:
        writer.write_part(*part)
    writer.finish(parts[-1].data)
    return file.getvalue()


PASSWORD = "long enough"


def read_parts(data, password: str | None = PASSWORD):
    return list(BackupReader.open(io.BytesIO(data), password).read_parts())


WRITTEN = {secret: write(secret) for secret in (True, False)}
SECRET = pytest.mark.parametrize("secret", [True, False], ids=["encrypted", "plain"])


@SECRET
def test_a_file_is_read_as_it_was_written(secret):
    assert read_parts(WRITTEN[secret]) == PARTS
    assert (b"some rows" in WRITTEN[secret]) is not secret


@SECRET
@settings(max_examples=40)
@given(data=st.data())
def test_a_file_in_which_anything_was_changed_is_refused(secret, data):
    written = bytearray(WRITTEN[secret])
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnusableBackup):
        read_parts(bytes(written))


@SECRET
@settings(max_examples=25)
@given(data=st.data())
def test_a_file_that_was_cut_off_is_told_so_wherever_that_was(secret, data):
    length = data.draw(st.integers(1, len(WRITTEN[secret]) - 1))
    with pytest.raises(TruncatedBackup, match="ends too early"):
        read_parts(WRITTEN[secret][:length])


@SECRET
def test_a_file_with_something_behind_its_end_is_damaged(secret):
    with pytest.raises(DamagedBackup, match="something follows its end"):
        read_parts(WRITTEN[secret] + b"x")


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0" * 9, MARK[:1] + b"PNG\r\n\x1a\n" * 3, b"\x1f\x8b" * 40])
def test_another_file_is_no_backup(data):
    with pytest.raises(ForeignFile, match="is not a backup of Loci"):
        read_parts(data)


def test_a_backup_whose_line_ends_were_converted_is_no_backup():
    with pytest.raises(ForeignFile):
        read_parts(WRITTEN[False].replace(b"\r\n", b"\n"))


def test_an_encrypted_file_needs_its_password():
    with pytest.raises(PasswordNeeded, match="--password-file"):
        read_parts(WRITTEN[True], None)
    with pytest.raises(WrongPassword, match="another password"):
        read_parts(WRITTEN[True], "long enoughh")


def test_the_parts_of_an_encrypted_file_cannot_be_moved_dropped_or_taken_from_another():
    length = len(write(True, [PARTS[-1]])) - 32
    head = length - len(PARTS[-1].data) - 16 - 5
    parts, at = [], head
    while at < len(WRITTEN[True]) - 32:
        end = at + 5 + int.from_bytes(WRITTEN[True][at + 1 : at + 5], "big")
        parts.append(WRITTEN[True][at:end])
        at = end
    assert len(parts) == 4
    for changed in ([0, 2, 1, 3], [0, 1, 3], [0, 1, 1, 2, 3], [0, 3]):
        data = WRITTEN[True][:head] + b"".join(parts[each] for each in changed)
        digest = container.hashlib.sha256(data).digest()
        with pytest.raises(DamagedBackup, match="part"):
            read_parts(data + digest)


@pytest.mark.parametrize(
    ("head", "error", "reason"),
    [
        ({"format": 2, "version": "9.1.0", "more": 1}, NewerBackup, "Loci 9.1.0, which is newer"),
        ({"format": "1", "version": "0.1.0"}, DamagedBackup, "its head"),
        ({"format": 1}, DamagedBackup, "its head"),
        ([], DamagedBackup, "its head"),
        ({"format": 1, "version": "0.1.0", "encryption": {"cipher": "none"}}, DamagedBackup, "its head"),
        (b"[" * 60_000, DamagedBackup, "its head"),
    ],
)
def test_a_head_that_is_newer_or_no_head_is_told_so(head, error, reason):
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    with pytest.raises(error, match=reason):
        read_parts(MARK + len(text).to_bytes(4, "big") + text)


@pytest.mark.parametrize("cost", [2**40, 2**9, 3 * 2**10, -1, "x"])
def test_a_cost_that_would_take_all_memory_is_refused_before_it_is_tried(cost):
    encryption = KEPT[True]
    assert encryption is not None
    text = json.dumps({"format": 1, "version": "0", "encryption": encryption[0].to_json() | {"cost": cost}}).encode()
    with pytest.raises(DamagedBackup, match="its head"):
        read_parts(MARK + len(text).to_bytes(4, "big") + text)
