"""What is derived from LOCI_SECRET_KEY: the encryption of signing keys at rest, and the CSRF tokens of forms."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.config import Settings

FILE_NAME = "secret.key"


def secret_key(settings: Settings) -> str:
    """The secret key: the setting, or what DATA_DIR/secret.key holds; made there once."""
    given = settings.secret_key.get_secret_value()
    return given or _kept(settings.data_dir / FILE_NAME)


def _kept(path: Path) -> str:
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        # Linking fails where the name is taken, so of two processes at their first start both read one key.
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink(missing_ok=True)
    return path.read_text().strip()


class Sealer:
    """Encrypts and signs under keys derived from one secret."""

    def __init__(self, secret: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(_derive(secret, b"loci signing keys")))
        self._csrf = _derive(secret, b"loci csrf tokens")

    def seal(self, data: bytes) -> str:
        """Encrypt."""
        return self._fernet.encrypt(data).decode()

    def unseal(self, sealed: str) -> bytes | None:
        """Decrypt; None where it was sealed under another secret."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            return None

    def csrf_token(self, cookie: str) -> str:
        """The token that forms carry for the browser with this cookie."""
        return hmac.new(self._csrf, cookie.encode(), hashlib.sha256).hexdigest()


def _derive(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
