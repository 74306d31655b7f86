"""Processor time of a bearer that an issuer signed, against one that this server signed itself.

Both are verified in this process, in turns: a token that was never seen (its signature, its claims and its user in the
record), and one that is remembered. The issuer is an HTTP server on loopback that publishes an RSA key of 2048 bits,
as most issuers do. Target: 1.3 times our own at most.
"""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Self

import jwt
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from helpers.common import Figure, make_temporary_folder, show_progress
from joserfc.jwk import RSAKey

from auth.accounts.passwords import Passwords
from auth.bearers.bearer import Authenticator
from auth.grants.chains import start_chain
from server.clock import utc_now
from server.config import Settings
from server.ids import new_id
from server.store.db import Database
from server.store.epoch import Epoch
from server.store.migrate import migrate
from server.store.record.oauth.grants import Grant, insert_grant
from server.store.record.people.accounts import create_user
from server.wiring.auth import open_auth

TARGET = 1.3
KEY = generate_private_key(65537, 2048)


def measure(*, quick: bool) -> list[Figure]:
    with make_temporary_folder() as folder, _Publisher() as publisher:
        return asyncio.run(_measure(folder, publisher.url, rounds=20 if quick else 100))


class _Publisher:
    """An issuer that publishes its metadata and its key, until the block ends."""

    def __enter__(self) -> Self:
        documents: dict[str, object] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(documents[self.path]).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        key = RSAKey.import_key(KEY.public_key()).as_dict(kid="key", alg="RS256", use="sig")
        documents["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        documents["/keys"] = {"keys": [key]}
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


async def _measure(folder: Path, issuer: str, *, rounds: int) -> list[Figure]:
    settings = Settings(data_dir=folder, auth_issuer=[issuer], embedding_model="none")
    db = Database(settings.sqlalchemy_url)
    await migrate(db)
    epoch = Epoch(db, utc_now)
    async with open_auth(settings, db, epoch, utc_now, Passwords(PasswordHasher())) as (theirs, auth):
        ours = Authenticator(db, utc_now, epoch, auth.tokens.verify)
        now, numbers = utc_now(), count()
        async with db.write() as connection:
            user = await create_user(connection, name="ann", password_hash=None, is_admin=False, now=now)
            scopes, resource = "memory:read memory:write", settings.resource
            grant = Grant(new_id(now), user.id, "app", "App", scopes, resource, "", now, now, now + timedelta(days=90))
            await insert_grant(connection, grant)
            chain = await start_chain(auth, connection, grant, "127.0.0.1")

        async def sign_ours() -> str:
            return await auth.tokens.sign(grant, chain.id, scopes)

        async def sign_theirs() -> str:
            at = int(now.timestamp())
            claims = {"iss": issuer, "sub": "ann", "aud": resource, "scope": scopes, "iat": at, "exp": at + 3600}
            headers = {"kid": "key", "typ": "at+jwt"}
            return jwt.encode(claims | {"jti": str(next(numbers))}, KEY, "RS256", headers=headers)

        figures = [
            await _compare_signing(
                "a token that was never seen", ours, theirs, sign_ours, sign_theirs, rounds, fresh=True
            ),
            await _compare_signing(
                "a token that is remembered", ours, theirs, sign_ours, sign_theirs, rounds, fresh=False
            ),
        ]
    await db.close()
    return figures


async def _compare_signing(
    subject: str,
    ours: Authenticator,
    theirs: Authenticator,
    sign_ours: Callable[[], Awaitable[str]],
    sign_theirs: Callable[[], Awaitable[str]],
    rounds: int,
    *,
    fresh: bool,
) -> Figure:
    calls = 20 if fresh else 500
    spent = {"ours": 0.0, "theirs": 0.0}
    for round_ in show_progress(range(rounds + 2), subject):
        for name, authenticator, sign in (("ours", ours, sign_ours), ("theirs", theirs, sign_theirs)):
            tokens = [await sign() for _ in range(calls)] if fresh else [await sign()] * calls
            if not fresh:
                await authenticator.authenticate(tokens[0])
            before = time.process_time()
            for token in tokens:
                assert await authenticator.authenticate(token) is not None
            if round_ >= 2:
                spent[name] += time.process_time() - before
    n = rounds * calls
    own, foreign = (spent[name] / n * 1e6 for name in ("ours", "theirs"))
    reference = f"our own {own:.0f} µs; ratio {foreign / own:.2f}"
    return Figure(
        f"CPU of {subject}, of an issuer",
        f"{foreign:.0f} µs",
        f"{n} calls",
        reference,
        f"ratio ≤ {TARGET}",
        foreign <= TARGET * own,
    )
