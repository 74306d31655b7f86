"""An issuer without a server: its documents are answered by respx, and its tokens are signed here."""

from contextlib import contextmanager
from functools import cache

import httpx
import jwt
import respx
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OKPKey, RSAKey

URL = "https://issuer.example/tenant"


@cache
def make_key(alg, number=0):  # noqa: ARG001 - to get another one
    """A private key for an algorithm. RSA keys take a tenth of a second, so they are kept."""
    if alg.startswith(("RS", "PS")):
        return generate_rsa_key(65537, 2048)
    if alg == "EdDSA":
        return Ed25519PrivateKey.generate()
    return generate_private_key(SECP384R1() if alg == "ES384" else SECP256R1())


def make_public_jwk(private_key, **more):
    """The public half of a key, as key sets have it."""
    kinds = {"RSAPrivateKey": RSAKey, "Ed25519PrivateKey": OKPKey}
    kind = kinds.get(type(private_key).__name__, ECKey)
    return kind.import_key(private_key.public_key()).as_dict(**more)


def make_public_pem(private_key):
    """The public half of a key as PEM."""
    return private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class FakeIssuer:
    """An issuer with one key, unless a test adds others to `jwks` or removes some."""

    def __init__(self, clock, *, audience, url=URL, alg="ES256"):
        self.clock = clock
        self.url = url
        self.audience = audience
        self.alg = alg
        self.key = make_key(alg)
        self.jwks = {"keys": [make_public_jwk(self.key, kid="first", alg=alg, use="sig")]}
        base = url.rstrip("/")
        self.metadata = {"issuer": url, "jwks_uri": f"{base}/keys", "token_endpoint": f"{base}/token"}
        #: Answers or errors in place of the documents `keys` and `metadata`.
        self.instead = {}
        #: The requests for keys.
        self.requests = 0

    def claims(self, **changes):
        """The claims of a good token; None leaves one out."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.url,
            "aud": self.audience,
            "sub": "ada",
            "client_id": "app",
            "scope": "openid memory:read memory:write",
            "iat": now,
            "exp": now + 600,
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, header=None, key=None, alg=None, **changes):
        """A token; `header` changes its header, the rest its claims."""
        header = {"kid": "first", "typ": "at+jwt"} | (header or {})
        kept = {name: value for name, value in header.items() if value is not None}
        return jwt.encode(self.claims(**changes), key or self.key, alg or self.alg, headers=kept)

    def rotate(self, kid):
        """Replace the key by another one; the headers of tokens must name it from now on."""
        self.key = make_key(self.alg, kid)
        self.jwks = {"keys": [make_public_jwk(self.key, kid=kid, alg=self.alg)]}

    def answer(self, router):
        """Have a router of respx answer httpx's requests for the documents."""

        def serve(name, document):
            if isinstance(instead := self.instead.get(name), Exception):
                raise instead
            return instead or httpx.Response(200, json=document)

        def serve_keys(_request):
            self.requests += 1
            return serve("keys", self.jwks)

        def serve_metadata(_request):
            return serve("metadata", self.metadata)

        base = self.url.rstrip("/")
        router.get(f"{base}/.well-known/openid-configuration").mock(side_effect=serve_metadata)
        router.get(f"{base}/keys").mock(side_effect=serve_keys)


@contextmanager
def open_fake_web():
    """A router of respx for documents of issuers. Requests to this machine go through; other answers are empty."""
    with respx.mock(assert_all_called=False, assert_all_mocked=False) as router:
        router.route(host="127.0.0.1").pass_through()
        yield router
