"""Passwords, hashed with argon2id in a thread, two at a time. A name that does not exist takes as long as any other."""

import secrets
from functools import cached_property

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth.texts import say
from server.errors import Failure

MIN_LENGTH = 8
MAX_LENGTH = 1000
#: The number of hashes that run at once. Each takes tens of MiB of memory.
AT_ONCE = 2


def check_password(password: str) -> None:
    """Check that a new password has an acceptable length.

    Raises:
        Failure: `invalid`, for the field `password`.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        message = say("Choose a password of %(least)s to %(most)s characters.", least=MIN_LENGTH, most=MAX_LENGTH)
        raise Failure("invalid", message, field="password")


class Passwords:
    """Hashes and verifies passwords. One per process."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        return await anyio.to_thread.run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password. Without a hash the answer is False, and it takes as long."""
        return await anyio.to_thread.run_sync(self._verify, password_hash, password, limiter=self._limiter)

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than the present ones."""
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _placeholder_hash(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())

    def _verify(self, password_hash: str | None, password: str) -> bool:
        # Read for every name, so that the first caller waits for it whether there is such a name or not.
        placeholder = self._placeholder_hash
        try:
            return self._hasher.verify(password_hash or placeholder, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False
