"""The rules by which tokens of issuers are read, as values, and the scopes that clients are told to ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from auth.principal import READ, WRITE
from auth.resources import AskedScopes

#: The names by which issuers call our scopes if the settings say nothing: ours, and those of min-memory.
USUAL_NAMES: Mapping[str, str] = {READ: READ, WRITE: WRITE, "mcp:read": READ, "mcp:write": WRITE}


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRules:
    """How a token of an issuer is read.

    Attributes:
        issuers: the issuers, exactly as their tokens name them in `iss`.
        audiences: for each audience that is accepted, the resource of this server that it stands for.
        algorithms: the signature algorithms that are accepted.
        token_types: the values of the header `typ` that are accepted, in lower case and without `application/`.
        leeway: by how much the clocks of an issuer and of this server may differ.
        scope_claims: the claims that may hold scopes. The first that names a known scope counts.
        scope_names: for each name of a scope at the issuer, our scope.
        default_scopes: the scopes of a token whose claims name no known scope.
        subject_claim: the claim that says who the person is, the same in each of their tokens.
        name_claims: the claims that a new user's name is made of. The first that is there counts.
        domains: the domains of verified emails whose people may use this server, in lower case.
        groups: the groups whose people may. Without domains and groups everybody may.
        groups_claim: the claim that lists a person's groups.
    """

    issuers: Sequence[str]
    audiences: Mapping[str, str]
    algorithms: frozenset[str]
    token_types: frozenset[str]
    leeway: timedelta
    scope_claims: Sequence[str]
    scope_names: Mapping[str, str] = field(default_factory=lambda: USUAL_NAMES)
    default_scopes: frozenset[str] = frozenset()
    subject_claim: str
    name_claims: Sequence[str]
    domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    groups_claim: str = "groups"


def choose_asked_scopes(
    asked: Sequence[str], scope_names: Mapping[str, str], default_scopes: Sequence[str]
) -> AskedScopes:
    """Return the scopes that clients are told to ask an issuer for.

    An issuer may refuse a request that names a scope which it does not know. So these are the ones that the operator
    has named: outright, or in the map of names. With default scopes alone, clients are told none.
    """
    if asked:
        return AskedScopes(tuple(asked))
    if scope_names:
        return AskedScopes(tuple(scope_names), scope_names)
    return AskedScopes(()) if default_scopes else AskedScopes()
