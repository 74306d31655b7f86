"""The hash under which secrets are stored and looked up: API keys, codes, tokens, cookies and links.

Each of them carries at least 128 random bits, so a plain hash is enough: nobody can guess them. Passwords are
different; see `auth.accounts.passwords`.
"""

import hashlib


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret, as 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()
