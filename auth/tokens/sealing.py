"""The uses of the secret key: it encrypts the stored signing keys, and makes CSRF tokens and seals of browsers."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.errors import Failure
from server.ids import UserId
from server.secret_strength import LEAST_BYTES, is_patterned


def load_secret_key(given: str, path: Path) -> str:
    """Return the given secret key; if none is given, the one in a file.

    If there is no such file, it is made once, with a random key, and readable for its owner only.

    Raises:
        Failure: `invalid`, the file holds no text, or nothing that is a secret.
    """
    if given:
        return given
    if not path.exists():
        _make_key_file(path)
    key = path.read_bytes().strip()
    if len(key) < LEAST_BYTES:
        raise _make_unusable(path, f"{path} holds {len(key)} bytes, and a secret key needs {LEAST_BYTES}")
    try:
        text = key.decode()
    except UnicodeDecodeError:
        raise _make_unusable(path, f"{path} holds no text") from None
    if is_patterned(key):
        raise _make_unusable(path, f"{path} holds a pattern, and a secret key must be random")
    return text


def _make_unusable(path: Path, reason: str) -> Failure:
    cure = f"Put the right file there, from a backup. If there is none, delete {path.name}: the next start makes a new"
    return Failure("invalid", f"{reason}. {cure} key, and apps then ask for new tokens.")


def _make_key_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        # Linking fails if the name is taken, so two processes at their first start read the same key.
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink(missing_ok=True)


class Sealer:
    """Encrypts and signs under keys derived from one secret."""

    def __init__(self, secret: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(_derive_key(secret, b"loci signing keys")))
        self._csrf = _derive_key(secret, b"loci csrf tokens")
        self._browsers = _derive_key(secret, b"loci known browsers")
        self._checks = _derive_key(secret, b"loci connection checks")

    def seal(self, data: bytes) -> str:
        """Return the data, encrypted and signed."""
        return self._fernet.encrypt(data).decode()

    def unseal(self, sealed: str) -> bytes | None:
        """Return the decrypted data; None if it was sealed under another secret."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            return None

    def make_csrf_token(self, cookie: str) -> str:
        """Return the token in the forms of the browser with this cookie."""
        return hmac.new(self._csrf, cookie.encode(), hashlib.sha256).hexdigest()

    def make_browser_seal(self, browser_id: str, user_id: UserId) -> str:
        """Return the seal by which a browser shows that this user has logged in with it."""
        return hmac.new(self._browsers, f"{browser_id}.{user_id}".encode(), hashlib.sha256).hexdigest()

    def make_code_verifier(self, cookie: str, client_id: str) -> str:
        """Return the PKCE secret of the connection check that the browser with this cookie makes with this client."""
        return hmac.new(self._checks, f"{cookie}.{client_id}".encode(), hashlib.sha256).hexdigest()


def derive_export_key(secret: str) -> bytes:
    """Return the seed of the Ed25519 key that signs exports."""
    return _derive_key(secret, b"loci export signature")


def _derive_key(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
