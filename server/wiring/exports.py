"""The composition root of the key that signs exports."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.tokens.sealing import derive_export_key, load_secret_key
from server.config import Settings


def build_export_key(settings: Settings) -> Ed25519PrivateKey:
    """Return the key that signs exports, made from the server's secret, which is made if there is none yet."""
    secret = load_secret_key(settings.secret_key.get_secret_value(), settings.data_dir / "secret.key")
    return Ed25519PrivateKey.from_private_bytes(derive_export_key(secret))
