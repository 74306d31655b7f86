"""The refusals of a login at a provider. Each says what the person can do."""

from auth.page_refusals import TitledFailure
from auth.texts import say
from auth.upstream.provider import Provider


def make_unusable(provider: Provider, reason: str) -> TitledFailure:
    """Return the refusal of an answer that cannot be used. The reason is a sentence for the operator."""
    message = say(
        "%(provider)s gave an answer that this server cannot use, so you are not logged in. %(reason)s "
        "Try again. If that does not help, tell the person who runs this server.",
        provider=provider.name,
        reason=reason,
    )
    return TitledFailure("forbidden", say("You are not logged in"), message)


def make_unreachable(provider: Provider) -> TitledFailure:
    """Return the refusal while the provider does not answer."""
    message = say(
        "%(provider)s does not answer right now, so it cannot log you in. Try again in a few minutes.",
        provider=provider.name,
    )
    return TitledFailure("unavailable", say("%(provider)s does not answer", provider=provider.name), message)
