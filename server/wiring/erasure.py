"""The composition root of what stays forgotten."""

from auth.tokens.sealing import load_secret_key
from server.config import Settings
from server.store.record.erasure.tombstones import Tombstones


def build_tombstones(settings: Settings) -> Tombstones:
    """Return the tombstones under the server's secret, which is made if there is none yet."""
    return Tombstones(load_secret_key(settings.secret_key.get_secret_value(), settings.data_dir / "secret.key"))
