"""Credentials in a text: keys, tokens and private keys that have a form of their own.

The forms are those of detect-secrets, of which only the patterns are used: it can also ask a provider whether a key is
valid, and nothing here does that. A password in a sentence has no form, and is not found.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

#: What a search for one kind of secret needs to be worth its time: a text that has none of these words in it has no
#: such secret. Those of a pattern that ignores case are in lower case.
Hints = tuple[str, ...]
#: The words before a secret in configuration files.
_NAMES_OF_SECRETS = ("key", "pw", "pass", "token")
#: The detectors whose patterns take time in proportion to the text, and do not take ordinary words for a secret.
_DETECTORS: dict[str, Hints] = {
    "artifactory.Artifactory": ("AKC", "AP"),
    "aws.AWSKey": ("A3T", "ABIA", "ACCA", "AKIA", "ASIA", "aws"),
    "azure_storage_key.AzureStorageKey": ("AccountKey=",),
    "basic_auth.BasicAuth": ("://",),
    "cloudant.Cloudant": (*_NAMES_OF_SECRETS, ".cloudant.com"),
    "discord.DiscordBotToken": (".",),
    "github_token.GitHubToken": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "gitlab_token.GitLabToken": ("gl", "GR1348941"),
    "ibm_cloud_iam.IbmCloudIam": _NAMES_OF_SECRETS,
    "ibm_cos_hmac.IbmCosHmac": ("secret",),
    "mailchimp.Mailchimp": ("-us",),
    "pypi_token.PypiToken": ("pypi-",),
    "sendgrid.SendGrid": ("SG.",),
    "slack.Slack": ("xox", "hooks.slack.com"),
    "softlayer.Softlayer": (*_NAMES_OF_SECRETS, "softlayer"),
    "square_oauth.SquareOAuth": ("sq0csp-",),
    "stripe.Stripe": ("k_live_",),
    "telegram_token.TelegramBotToken": (":",),
    "twilio.TwilioKey": ("AC", "SK"),
}
#: Forms that the library lacks, of which it knows only a part, or whose pattern there takes quadratic time.
_OWN_FORMS: dict[str, tuple[str, Hints]] = {
    "Private Key": (
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z0-9 ]*-----)?",
        ("-----BEGIN",),
    ),
    "Putty Private Key": (r"PuTTY-User-Key-File-[23]:[\s\S]*", ("PuTTY-User-Key-File-",)),
    "Age Secret Key": (r"AGE-SECRET-KEY-1[0-9A-Z]{58}", ("AGE-SECRET-KEY-1",)),
    "Anthropic API Key": (r"sk-ant-[A-Za-z0-9_-]{20,}", ("sk-",)),
    "OpenAI API Key": (
        r"\bsk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,})",
        ("sk-",),
    ),
    "GitHub Token": (r"github_pat_[A-Za-z0-9_]{22,}", ("github_pat_",)),
    "OpenRouter API Key": (r"\bsk-or-v1-[0-9a-f]{40,}", ("sk-",)),
    "Groq API Key": (r"\bgsk_[A-Za-z0-9]{40,}", ("gsk_",)),
    "xAI API Key": (r"\bxai-[A-Za-z0-9]{60,}", ("xai-",)),
    "AWS Secret Key": (
        r"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
        ("secret",),
    ),
    "Google API Key": (r"AIza[0-9A-Za-z_-]{35}", ("AIza",)),
    "Google OAuth Secret": (r"GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{20,}", ("GOCSPX-", "ya29.")),
    "Hugging Face Token": (r"\bhf_[A-Za-z0-9]{30,}", ("hf_",)),
    "DigitalOcean Token": (r"do[opr]_v1_[0-9a-f]{64}", ("_v1_",)),
    "NPM Token": (r"\bnpm_[A-Za-z0-9]{36}|:_authToken=\s*[^\s$]{8,}", ("npm_", ":_authToken=")),
    "Stripe Access Key": (
        r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{24,}|whsec_[0-9A-Za-z+/=]{24,}",
        ("k_live_", "k_test_", "whsec_"),
    ),
    "Loci API Key": (r"\bmp_(?:live|test)_[0-9a-f]{32}", ("mp_live_", "mp_test_")),
    "JSON Web Token": (r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", ("eyJ",)),
    "Bearer Token": (r"(?i:authorization:\s*bearer)\s+[A-Za-z0-9._~+/-]{16,}=*", ("authorization:",)),
}
#: The letters beside a-z themselves that a pattern which ignores case takes for one of a-z.
_LOOKALIKES = str.maketrans({"\u0131": "i", "\u017f": "s"})


class Form(NamedTuple):
    """A kind of credential, a pattern of it, and the words of which a text has one if the pattern matches."""

    kind: str
    pattern: re.Pattern[str]
    hints: Hints


class Credential(NamedTuple):
    """A part of a text that looks like a credential: from `start` on, up to but not including `end`."""

    kind: str
    start: int
    end: int


def find_credentials(text: str) -> list[Credential]:
    """Return the parts of a text that look like credentials, in their order; of two that overlap, the first."""
    found = sorted(_list_matches(text), key=lambda each: (each.start, -each.end))
    kept: list[Credential] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def are_forms_loaded() -> bool:
    """Whether a text was looked at before, so that the next one does not wait for imports."""
    return list_forms.cache_info().currsize > 0


def redact_credentials(text: str) -> str:
    """Return the text with the kind of each credential in its place."""
    for each in reversed(find_credentials(text)):
        text = f"{text[: each.start]}[redacted: {each.kind}]{text[each.end :]}"
    return text


@cache
def list_forms() -> tuple[Form, ...]:
    """Return each kind with a pattern. The library is imported with the first text: that takes a tenth of a second."""
    own = [Form(kind, re.compile(pattern), hints) for kind, (pattern, hints) in _OWN_FORMS.items()]
    return (*own, *(form for name, hints in _DETECTORS.items() for form in _load_detector(name, hints)))


def fold_letters(text: str) -> str:
    """Return a text in which each letter that a pattern takes for one of a-z without case is that letter."""
    folded = text.lower()
    return folded if folded.isascii() else folded.replace("i\u0307", "i").translate(_LOOKALIKES)


def _list_matches(text: str) -> Iterator[Credential]:
    # Most texts have few of the hints: to look for these takes a tenth of the time of all patterns.
    both = f"{text}\n{fold_letters(text)}"
    hinted = {hint for hint in _list_hints() if hint in both}
    for form in list_forms() if hinted else ():
        if not hinted.isdisjoint(form.hints):
            for match in form.pattern.finditer(text):
                yield Credential(form.kind, match.start(), match.end())


@cache
def _list_hints() -> tuple[str, ...]:
    return tuple({hint for form in list_forms() for hint in form.hints})


def _load_detector(name: str, hints: Hints) -> Iterator[Form]:
    module, _, prefix = name.partition(".")
    detector: Any = getattr(import_module(f"detect_secrets.plugins.{module}"), f"{prefix}Detector")
    for pattern in detector.denylist:
        yield Form(detector.secret_type, pattern, hints)
