"""The claims of an issuer's token: the checks of them, and what Loci reads from them.

Issuers differ in the names and forms of claims: `scope` is a text, `scp` a text or a list, `permissions` a list, and
some put lists into objects. A claim's name in the rules may therefore lead into an object with dots.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from auth.issuers.rules import IssuerRules
from auth.principal import expand_scopes

GOOGLE_ISSUER = "https://accounts.google.com"
#: As wide as the column.
MAX_SUBJECT = 255
MAX_CLIENT_ID = 512
#: The claims that a new user's name is made of, unless the rules name others.
NAME_CLAIMS = ("preferred_username", "name", "email")
#: The last second of the year 9999.
LAST_SECOND = 253402300799


class RefusedTokenError(Exception):
    """A token is not accepted. The message says why, and completes the sentence "This token ..."."""


def check_times(claims: Mapping[str, Any], leeway: timedelta, now: datetime) -> datetime:
    """Check that a token is valid now, and return its end, the leeway included.

    Raises:
        RefusedTokenError: it has no end, or is not valid now.
    """
    at, tolerance = now.timestamp(), leeway.total_seconds()
    end = read_time(claims, "exp")
    if end is None:
        raise RefusedTokenError("has no end (`exp`)")
    if end + tolerance <= at:
        raise RefusedTokenError("has expired (`exp`)")
    for name in ("nbf", "iat"):
        start = read_time(claims, name)
        if start is not None and start - tolerance > at:
            raise RefusedTokenError(f"is not valid yet (`{name}`): the clocks of its issuer and this server differ")
    return datetime.fromtimestamp(min(end + tolerance, LAST_SECOND), UTC)


def find_audience(claims: Mapping[str, Any], rules: IssuerRules) -> str:
    """Return the resource of this server that a token is for.

    Raises:
        RefusedTokenError: it is for none.
    """
    for audience in read_texts(claims.get("aud"), must_split=False):
        if audience in rules.audiences:
            return rules.audiences[audience]
    raise RefusedTokenError("is for another audience (`aud`)")


def read_subject(claims: Mapping[str, Any], claim: str = "sub") -> str:
    """Return the subject, by which the issuer knows the person.

    Raises:
        RefusedTokenError: there is none, or it is too long.
    """
    subject = find_claim(claims, claim)
    if not isinstance(subject, str) or not subject or not subject.isprintable():
        raise RefusedTokenError(f"has no subject (`{claim}`)")
    if len(subject) > MAX_SUBJECT:
        raise RefusedTokenError(f"has a subject of more than {MAX_SUBJECT} characters")
    return subject


def read_scopes(claims: Mapping[str, Any], rules: IssuerRules) -> frozenset[str]:
    """Return our scopes that a token grants, with all that they include."""
    for name in rules.scope_claims:
        texts = read_texts(find_claim(claims, name), must_split=True)
        known = [rules.scope_names[text] for text in texts if text in rules.scope_names]
        if known:
            return expand_scopes(known)
    return expand_scopes(rules.default_scopes)


def check_listed(claims: Mapping[str, Any], issuer: str, rules: IssuerRules) -> None:
    """Check that a person is of a domain or in a group that the rules name. Without such names everybody is welcome.

    Raises:
        RefusedTokenError: they are in none.
    """
    if not rules.domains and not rules.groups:
        return
    groups = read_texts(find_claim(claims, rules.groups_claim), must_split=False)
    if read_domain(claims, issuer) not in rules.domains and rules.groups.isdisjoint(groups):
        wanted = (["`email`"] if rules.domains else []) + ([f"`{rules.groups_claim}`"] if rules.groups else [])
        raise RefusedTokenError(
            f"is of a person who may not use this server: {' and '.join(wanted)} name no domain or group on its list"
        )


def read_domain(claims: Mapping[str, Any], issuer: str) -> str:
    """Return the domain of a person's email that an issuer vouches for, in lower case; "" if it vouches for none.

    Anybody can have a Google account with an address of a company, even after they left it. So Google's people belong
    to the domain in `hd` alone, which is the company's own workspace at Google, or to gmail.com.
    """
    email = claims.get("email")
    is_verified = claims.get("email_verified") is True and isinstance(email, str)
    domain = str(email).rpartition("@")[2].lower() if is_verified else ""
    if issuer != GOOGLE_ISSUER or domain == "gmail.com":
        return domain
    hosted = claims.get("hd")
    return hosted.lower() if isinstance(hosted, str) and domain else ""


def read_client_id(claims: Mapping[str, Any]) -> str | None:
    """Return the client that a token was issued to, for information only; None if it names none."""
    found = (claims.get(name) for name in ("client_id", "azp", "appid", "cid"))
    return next((each for each in found if isinstance(each, str) and 0 < len(each) <= MAX_CLIENT_ID), None)


def read_name(claims: Mapping[str, Any], names: Sequence[str] = NAME_CLAIMS) -> str:
    """Return the text that a new user's name is made of, of the first of these claims; "" if the token has none."""
    found = (find_claim(claims, name) for name in names)
    return next((each for each in found if isinstance(each, str) and each), "")


def find_claim(claims: Mapping[str, Any], name: str) -> object:
    """Return a claim; None if there is none. A name that is no claim itself leads into an object with its dots."""
    if name in claims:
        return claims[name]
    inside: object = claims
    for part in name.split("."):
        if not isinstance(inside, Mapping):
            return None
        inside = cast("Mapping[str, object]", inside).get(part)
    return inside


def read_texts(value: object, *, must_split: bool) -> Iterable[str]:
    """Return the texts of a claim: a text or a list of texts. `must_split`: spaces separate those of a text."""
    if isinstance(value, str):
        return value.split() if must_split else [value]
    if isinstance(value, list):
        return [each for each in cast("list[object]", value) if isinstance(each, str)]
    return []


def read_time(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a time in seconds since 1970; None if the claim is missing.

    Raises:
        RefusedTokenError: it is no such time.
    """
    if name not in claims:
        return None
    value = claims[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not value >= 0:  # NaN is not, either
        raise RefusedTokenError(f"has a malformed time (`{name}`)")
    return float(min(value, LAST_SECOND))
