"""The refusals of a login at a provider. Each says what the person can do."""

from auth.page_refusals import TitledFailure
from auth.upstream.provider import Provider


def make_unusable(provider: Provider, reason: str) -> TitledFailure:
    """Return the refusal of an answer that cannot be used. The reason is a sentence for the operator."""
    message = (
        f"{provider.name} gave an answer that this server cannot use, so you are not logged in. {reason} "
        "Try again. If that does not help, tell the person who runs this server."
    )
    return TitledFailure("forbidden", "You are not logged in", message)


def make_unreachable(provider: Provider) -> TitledFailure:
    """Return the refusal while the provider does not answer."""
    message = f"{provider.name} does not answer right now, so it cannot log you in. Try again in a few minutes."
    return TitledFailure("unavailable", f"{provider.name} does not answer", message)
