"""The signature of a webhook's request, as Standard Webhooks 1.0 has it: HMAC-SHA256 over id, time and body."""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def sign_message(secrets: Sequence[bytes], message_id: str, timestamp: int, payload: str) -> str:
    """Return the header `webhook-signature`: one signature for each secret, with a space between them."""
    signed = f"{message_id}.{timestamp}.{payload}".encode()
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
