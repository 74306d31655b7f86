"""Providers at which people log in, as values, and the list of people who may."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: As GitHub names itself in its metadata of OAuth. It has no ID tokens, so its people are read from its API.
GITHUB_ISSUER = "https://github.com/login/oauth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider.

    Attributes:
        id: its id in the URL to which it sends people back; each provider has its own.
        name: its name on the button.
        issuer: the issuer, exactly as it names itself.
        client_id: the id of this server there.
        client_secret: the secret of this server there; empty if it has none.
        scopes: the scopes to ask for, with spaces between them.
        groups_claim: the claim that lists a person's groups.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    groups_claim: str = "groups"


@dataclass(frozen=True, slots=True)
class ExternalPerson:
    """A person who has logged in at a provider.

    Attributes:
        issuer: the provider.
        subject: the person there, for ever.
        name: the text that a new user's name is made of.
        domain: the domain of the email, in lower case; empty if the provider does not vouch for the email.
        groups: the groups that the provider lists.
    """

    issuer: str
    subject: str
    name: str
    domain: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class AllowList:
    """The people who may log in: those of a domain, and those of a group. Empty: everybody who has a user here.

    Attributes:
        domains: domains of verified emails, in lower case.
        groups: for the id of each provider, groups there. Nobody is in a group of another provider.
    """

    domains: frozenset[str] = frozenset()
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @property
    def is_empty(self) -> bool:
        """Whether there is no list at all."""
        return not self.domains and not any(self.groups.values())

    def has_person(self, provider: Provider, person: ExternalPerson) -> bool:
        """Whether a person is on the list."""
        wanted = self.groups.get(provider.id, frozenset[str]())
        return person.domain in self.domains or bool(wanted & person.groups)
