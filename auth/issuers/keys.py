"""The public keys of an issuer, read from its key set (RFC 7517). Only keys for asymmetric signatures are taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
#: For each kind of key, the algorithms that it can verify.
_ALGORITHMS: dict[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
#: Every algorithm that can be allowed. None is symmetric: a public key is no secret.
ASYMMETRIC = tuple(algorithm for algorithms in _ALGORITHMS.values() for algorithm in algorithms)
#: The parameters of public keys. A private part that was published by mistake is not read.
_PARAMETERS = ("kty", "crv", "n", "e", "x", "y")
#: Bounds of an RSA key, in bits: a smaller one is no protection, and a larger one keeps the processor busy.
LEAST_BITS, MOST_BITS = 2048, 8192
#: The most characters of a parameter: an RSA key of 8192 bits has 1366.
MAX_PARAMETER = 1400
MAX_KEYS = 100


class UnusableKeySetError(Exception):
    """A document is no key set. The message is a sentence about it."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key, the id that tokens name it by (None if it has none), and the algorithms that it may verify."""

    kid: str | None
    algorithms: frozenset[str]
    public_key: PublicKey


def read_key_set(document: Mapping[str, Any]) -> list[VerifyingKey]:
    """Return the keys of a key set that verify signatures. Keys that Loci cannot use are left out.

    Raises:
        UnusableKeySetError: the document is no key set, or has too many keys, or none of use.
    """
    keys = document.get("keys")
    if not isinstance(keys, list):
        raise UnusableKeySetError("The key set has no list `keys`.")
    given = cast("list[object]", keys)
    if len(given) > MAX_KEYS:
        raise UnusableKeySetError(f"The key set has more than {MAX_KEYS} keys.")
    found = [key for key in map(_read_key, given) if key is not None]
    if not found:
        raise UnusableKeySetError("The key set has no key that verifies signatures.")
    return found


def _read_key(given: object) -> VerifyingKey | None:
    if not isinstance(given, dict):
        return None
    jwk = cast("dict[str, Any]", given)
    kid, use, operations = jwk.get("kid"), jwk.get("use"), jwk.get("key_ops")
    is_for_signatures = use in (None, "sig") and (operations is None or operations == ["verify"])
    parameters = {name: jwk[name] for name in _PARAMETERS if name in jwk}
    are_texts = all(isinstance(value, str) and len(value) <= MAX_PARAMETER for value in parameters.values())
    if not is_for_signatures or not are_texts or not isinstance(kid, str | None):
        return None
    curve = str(parameters.get("crv", ""))
    algorithms = frozenset(_ALGORITHMS.get((str(parameters.get("kty", "")), curve), ()))
    if "alg" in jwk:
        algorithms &= {str(jwk["alg"])}
    public_key = _make_public_key(parameters, next(iter(algorithms))) if algorithms else None
    return None if public_key is None else VerifyingKey(kid, algorithms, public_key)


def _make_public_key(parameters: Mapping[str, Any], algorithm: str) -> PublicKey | None:
    try:
        key: object = jwt.PyJWK(dict(parameters), algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAPublicKey) and not LEAST_BITS <= key.key_size <= MOST_BITS:
        return None
    return key if isinstance(key, PublicKey) else None
