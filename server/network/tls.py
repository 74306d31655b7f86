"""The authorities that Loci trusts when it connects to other servers."""

import ssl
from pathlib import Path

import httpx


def make_tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the usual authorities, and those of a file of PEM certificates.

    The variables SSL_CERT_FILE and SSL_CERT_DIR replace the usual authorities. The certificates are read from the disk,
    which takes 25 ms, so call this in a thread.

    Raises:
        OSError: the file cannot be read, or has no certificates.
    """
    context = httpx.create_ssl_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
