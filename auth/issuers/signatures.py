"""The check of a token's signature against the keys that its issuer publishes."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import jwt

from auth.issuers.claims import RefusedTokenError
from auth.issuers.issuer import Issuer
from auth.issuers.keys import ASYMMETRIC

_JWS = jwt.PyJWS(algorithms=list(ASYMMETRIC))


def read_unverified(token: str, max_length: int) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Return the header and the claims of a JWT, which nobody has verified; None if the text is no JWT.

    The header's `alg` is a text. A list or an object there could not even be looked up among the allowed ones.
    """
    try:
        header = jwt.get_unverified_header(token) if len(token) <= max_length else {}
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False}) if header else {}
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return None
    return (header, claims) if claims and isinstance(header.get("alg"), str) else None


def check_algorithm(header: Mapping[str, Any], algorithms: AbstractSet[str]) -> None:
    """Check that the algorithm of a header is one of those that are allowed.

    Raises:
        RefusedTokenError: it is not.
    """
    if header.get("alg") not in algorithms:
        raise RefusedTokenError("is not signed by an algorithm that this server accepts (`alg`)")


def read_type(header: Mapping[str, Any], default: str = "") -> str:
    """Return the type of a token, in lower case and without `application/`; "" if it is no text."""
    given = header.get("typ", default)
    return given.lower().removeprefix("application/") if isinstance(given, str) else ""


async def check_signature(token: str, issuer: Issuer, header: Mapping[str, Any]) -> None:
    """Check that an issuer signed a token. The caller has checked that the algorithm of the header is allowed.

    Raises:
        RefusedTokenError: it did not.
        Failure: `unavailable`, the issuer's keys cannot be fetched.
    """
    algorithm = str(header["alg"])
    keys = await issuer.find_keys(header.get("kid"), algorithm)
    if not keys:
        raise RefusedTokenError("names a key that its issuer does not publish (`kid`)")
    for key in keys:
        try:
            _JWS.decode(token, key.public_key, algorithms=[algorithm])
        except (jwt.InvalidTokenError, ValueError, TypeError):
            continue
        return
    raise RefusedTokenError("is not signed by its issuer")
