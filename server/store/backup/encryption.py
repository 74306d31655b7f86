"""The encryption of a backup: a key from the password by scrypt, and AES-256-GCM for each part of the file.

The nonce of a part is its number, and a file has a key of its own because its salt is random. A part is bound to the
head of its file, to its number and to its kind. So a part that is missing, repeated or out of its order does not open.
"""

import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

#: The cost of a guess: 128 MiB of memory and half a second. `N` is scrypt's word for it.
COST = 2**17
#: The bounds of the cost in a file's head. A changed head must not make the reader take all memory.
LEAST_COST, MOST_COST = 2**10, 2**20
_BLOCK, _LANES = 8, 1
_KEY_BYTES, _CHECK_BYTES, _SALT_BYTES = 32, 32, 16


class UnknownEncryption(ValueError):  # noqa: N818 - it is a state of the head that the reader acts on
    """The head describes no encryption that can be undone."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a file is encrypted, as its head says it.

    Attributes:
        salt: the random bytes that make the key the file's own.
        cost: scrypt's cost, a power of two.
        check: a value by which a wrong password is told from a damaged file.
    """

    salt: bytes
    cost: int
    check: bytes

    def to_json(self) -> dict[str, Any]:
        """Return the values for the head of a file."""
        return {
            "cipher": "AES-256-GCM",
            "kdf": "scrypt",
            "cost": self.cost,
            "salt": self.salt.hex(),
            "check": self.check.hex(),
        }

    @classmethod
    def from_json(cls, values: Any) -> "Encryption":
        """Return the encryption that a head describes.

        Raises:
            UnknownEncryption: the values are not those of `to_json`.
        """
        try:
            found = cls(bytes.fromhex(values["salt"]), values["cost"], bytes.fromhex(values["check"]))
            is_known = (values["cipher"], values["kdf"]) == ("AES-256-GCM", "scrypt")
            is_sane = LEAST_COST <= found.cost <= MOST_COST and found.cost & (found.cost - 1) == 0
        except (TypeError, KeyError, ValueError) as error:
            raise UnknownEncryption from error
        if not (is_known and is_sane and len(found.salt) == _SALT_BYTES and len(found.check) == _CHECK_BYTES):
            raise UnknownEncryption
        return found


class PartCipher:
    """Encrypts and decrypts the parts of one file, once it knows the file's head."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._head = b""

    def bind(self, head: bytes) -> None:
        """Bind the parts to the head of their file."""
        self._head = hashlib.sha256(head).digest()

    def encrypt(self, kind: bytes, number: int, data: bytes) -> bytes:
        """Return the encrypted part."""
        return self._cipher.encrypt(_make_nonce(number), data, self._head + kind)

    def decrypt(self, kind: bytes, number: int, data: bytes) -> bytes | None:
        """Return the decrypted part; None if it is not the part of this kind and number of this file."""
        try:
            return self._cipher.decrypt(_make_nonce(number), data, self._head + kind)
        except InvalidTag:
            return None


def make_encryption(password: str, cost: int = COST) -> tuple[Encryption, PartCipher]:
    """Return a new encryption under a password, with its cipher."""
    salt = secrets.token_bytes(_SALT_BYTES)
    key, check = _derive_key(password, salt, cost)
    return Encryption(salt, cost, check), PartCipher(key)


def open_encryption(encryption: Encryption, password: str) -> PartCipher | None:
    """Return the cipher of an encrypted file; None if the password is another one."""
    key, check = _derive_key(password, encryption.salt, encryption.cost)
    return PartCipher(key) if hmac.compare_digest(check, encryption.check) else None


def _derive_key(password: str, salt: bytes, cost: int) -> tuple[bytes, bytes]:
    """Return the key, and the value that the head shows of it."""
    scrypt = Scrypt(salt=salt, length=_KEY_BYTES + _CHECK_BYTES, n=cost, r=_BLOCK, p=_LANES)
    derived = scrypt.derive(password.encode())
    return derived[:_KEY_BYTES], hashlib.sha256(derived[_KEY_BYTES:]).digest()


def _make_nonce(number: int) -> bytes:
    return struct.pack(">IQ", 0, number)
