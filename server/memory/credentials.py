"""Credentials in a text: keys, tokens and private keys that have a form of their own.

The forms are those of detect-secrets, of which only the patterns are used: it can also ask a provider whether a key is
valid, and nothing here does that. A password in a sentence has no form, and is not found.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

#: The detectors whose patterns take time in proportion to the text, and do not take ordinary words for a secret.
_DETECTORS = (
    *("artifactory.Artifactory", "aws.AWSKey", "azure_storage_key.AzureStorageKey", "basic_auth.BasicAuth"),
    *("cloudant.Cloudant", "discord.DiscordBotToken", "github_token.GitHubToken", "gitlab_token.GitLabToken"),
    *("ibm_cloud_iam.IbmCloudIam", "ibm_cos_hmac.IbmCosHmac", "mailchimp.Mailchimp"),
    *("pypi_token.PypiToken", "sendgrid.SendGrid", "slack.Slack", "softlayer.Softlayer"),
    *("square_oauth.SquareOAuth", "stripe.Stripe", "telegram_token.TelegramBotToken", "twilio.TwilioKey"),
)
#: Forms that the library lacks, of which it knows only a part, or whose pattern there takes quadratic time.
_OWN_FORMS = {
    "Private Key": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z0-9 ]*-----)?",
    "Putty Private Key": r"PuTTY-User-Key-File-[23]:[\s\S]*",
    "Age Secret Key": r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    "Anthropic API Key": r"sk-ant-[A-Za-z0-9_-]{20,}",
    "OpenAI API Key": r"\bsk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,})",
    "GitHub Token": r"github_pat_[A-Za-z0-9_]{22,}",
    "OpenRouter API Key": r"\bsk-or-v1-[0-9a-f]{40,}",
    "Groq API Key": r"\bgsk_[A-Za-z0-9]{40,}",
    "xAI API Key": r"\bxai-[A-Za-z0-9]{60,}",
    "AWS Secret Key": r"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
    "Google API Key": r"AIza[0-9A-Za-z_-]{35}",
    "Google OAuth Secret": r"GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{20,}",
    "Hugging Face Token": r"\bhf_[A-Za-z0-9]{30,}",
    "DigitalOcean Token": r"do[opr]_v1_[0-9a-f]{64}",
    "NPM Token": r"\bnpm_[A-Za-z0-9]{36}|:_authToken=\s*[^\s$]{8,}",
    "Stripe Access Key": r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{24,}|whsec_[0-9A-Za-z+/=]{24,}",
    "Loci API Key": r"\bmp_(?:live|test)_[0-9a-f]{32}",
    "JSON Web Token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    "Bearer Token": r"(?i:authorization:\s*bearer)\s+[A-Za-z0-9._~+/-]{16,}=*",
}


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
    return _load_forms.cache_info().currsize > 0


def redact_credentials(text: str) -> str:
    """Return the text with the kind of each credential in its place."""
    for each in reversed(find_credentials(text)):
        text = f"{text[: each.start]}[redacted: {each.kind}]{text[each.end :]}"
    return text


def _list_matches(text: str) -> Iterator[Credential]:
    for kind, pattern in _load_forms():
        for match in pattern.finditer(text):
            yield Credential(kind, match.start(), match.end())


@cache
def _load_forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each kind with a pattern. The library is imported with the first text: that takes a tenth of a second."""
    own = [(kind, re.compile(pattern)) for kind, pattern in _OWN_FORMS.items()]
    return (*own, *(form for name in _DETECTORS for form in _load_detector(name)))


def _load_detector(name: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    module, _, prefix = name.partition(".")
    detector: Any = getattr(import_module(f"detect_secrets.plugins.{module}"), f"{prefix}Detector")
    for pattern in detector.denylist:
        yield detector.secret_type, pattern
