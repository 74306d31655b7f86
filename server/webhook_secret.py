"""The secret of a webhook, in the form of Standard Webhooks 1.0: `whsec_` and base64."""

import base64

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
#: Prints a new one.
COMMAND = "python3 -c 'import base64, os; print(\"whsec_\" + base64.b64encode(os.urandom(32)).decode())'"


def read_webhook_secret(text: str) -> bytes:
    """Return the bytes of a secret.

    Raises:
        ValueError: it has another form, or too few or too many bytes. The message holds nothing of it.
    """
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except ValueError:
        secret = b""
    if not LEAST_BYTES <= len(secret) <= MOST_BYTES:
        raise ValueError(f"must be {PREFIX} and base64 of {LEAST_BYTES} to {MOST_BYTES} bytes, as {COMMAND} prints it")
    return secret
