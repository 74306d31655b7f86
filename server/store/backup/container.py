"""The file of a backup: a mark, a head, parts, and a digest of all of it.

    mark     9 bytes
    head     length (4 bytes), then JSON: format, version of the program, encryption or null
    part     kind (1 byte), length (4 bytes), then the bytes, encrypted if the head says so
    ...      the first part is the manifest, and the last one is the end
    digest   SHA-256 of everything before it

Numbers are big-endian. The mark has a byte that is no ASCII and both forms of a line's end, so that a copy which was
"converted" on its way is recognized. A later format may change everything but the mark and the first two fields of the
head. Nothing of a file is believed before `check_file` has read it to its end.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Self

from server import __version__
from server.store.backup.encryption import Encryption, PartCipher, UnknownEncryption, open_encryption
from server.store.backup.refusals import (
    DamagedBackup,
    ForeignFile,
    NewerBackup,
    PasswordNeeded,
    TruncatedBackup,
    WrongPassword,
)

MARK = b"\x89LOCI\r\n\x1a\n"
FORMAT = 1
MANIFEST, ROWS, END = b"M", b"R", b"E"
#: The most bytes of a head and of a part. A part has a mebibyte, or a single row if that is larger.
MOST_HEAD_BYTES, MOST_PART_BYTES = 1 << 16, 1 << 28

_LENGTH = struct.Struct(">I")
_DIGEST_BYTES = 32


class Part(NamedTuple):
    """One part of a file."""

    kind: bytes
    data: bytes


class BackupWriter:
    """Writes a backup, part after part.

    Args:
        file: where the bytes go.
        encryption: the encryption with its cipher; None for a plain file.
    """

    def __init__(self, file: BinaryIO, encryption: tuple[Encryption, PartCipher] | None) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._cipher = None if encryption is None else encryption[1]
        self._number = 0
        described = None if encryption is None else encryption[0].to_json()
        head = json.dumps({"format": FORMAT, "version": __version__, "encryption": described}).encode()
        if self._cipher is not None:
            self._cipher.bind(head)
        self._write(MARK + _LENGTH.pack(len(head)) + head)

    def write_part(self, kind: bytes, data: bytes) -> None:
        """Write a part of one of the three kinds."""
        if self._cipher is not None:
            data = self._cipher.encrypt(kind, self._number, data)
        self._number += 1
        self._write(kind + _LENGTH.pack(len(data)))
        self._write(data)

    def finish(self, end: bytes) -> bytes:
        """Write the last part and the digest, and return the digest."""
        self.write_part(END, end)
        digest = self._digest.digest()
        self._file.write(digest)
        return digest

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a file: the bytes of its JSON, and the encryption."""

    text: bytes
    encryption: Encryption | None


class BackupReader:
    """Reads a backup, part after part.

    Every method raises one of the `UnusableBackup` errors if the file is not as it was written.
    """

    def __init__(self, file: BinaryIO, head: Head, cipher: PartCipher | None) -> None:
        self._file = file
        self._cipher = cipher
        self._digest = hashlib.sha256(MARK + _LENGTH.pack(len(head.text)) + head.text)
        #: The digest of the whole file, once all parts were read.
        self.digest = b""

    @classmethod
    def open(cls, file: BinaryIO, password: str | None) -> Self:
        """Read the head of a file, and return the reader of its parts.

        Raises:
            UnusableBackup: it is no backup, a newer one, or encrypted with another password.
        """
        head = read_head(file)
        if head.encryption is None:
            return cls(file, head, None)
        if password is None:
            raise PasswordNeeded
        cipher = open_encryption(head.encryption, password)
        if cipher is None:
            raise WrongPassword
        cipher.bind(head.text)
        return cls(file, head, cipher)

    def read_parts(self) -> Iterator[Part]:
        """Yield the parts, the last one included. The digest is compared before the last one is yielded."""
        number = 0
        while True:
            start = self._read(1 + _LENGTH.size)
            kind, length = start[:1], _LENGTH.unpack(start[1:])[0]
            if kind not in {MANIFEST, ROWS, END} or length > MOST_PART_BYTES:
                raise DamagedBackup(f"part {number + 1}")
            data: bytes | None = self._read(length)
            if self._cipher is not None:
                data = self._cipher.decrypt(kind, number, data)
            if data is None:
                raise DamagedBackup(f"part {number + 1}")
            if kind == END:
                self._check_digest()
                yield Part(kind, data)
                return
            yield Part(kind, data)
            number += 1

    def _check_digest(self) -> None:
        self.digest = self._digest.digest()
        if _read_exactly(self._file, _DIGEST_BYTES) != self.digest:
            raise DamagedBackup("its digest is another one")
        if self._file.read(1):
            raise DamagedBackup("something follows its end")

    def _read(self, count: int) -> bytes:
        data = _read_exactly(self._file, count)
        self._digest.update(data)
        return data


def read_head(file: BinaryIO) -> Head:
    """Read the head of a file from its start.

    Raises:
        UnusableBackup: it is no backup, or a newer one.
    """
    mark = file.read(len(MARK))
    if mark != MARK:
        raise TruncatedBackup if mark and MARK.startswith(mark) else ForeignFile
    length = _LENGTH.unpack(_read_exactly(file, _LENGTH.size))[0]
    if length > MOST_HEAD_BYTES:
        raise DamagedBackup("its head")
    text = _read_exactly(file, length)
    values = _parse_head(text)
    if values["format"] > FORMAT:
        raise NewerBackup(values["version"])
    if values.get("encryption") is None:
        return Head(text, None)
    try:
        return Head(text, Encryption.from_json(values["encryption"]))
    except UnknownEncryption:
        raise DamagedBackup("its head") from None


def _parse_head(text: bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
        is_whole = isinstance(values["format"], int) and isinstance(values["version"], str)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DamagedBackup("its head") from None
    if not is_whole:
        raise DamagedBackup("its head")
    return values


def _read_exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise TruncatedBackup
    return data
