"""The one way to open connections to another server, so that all of them trust the same authorities."""

from pathlib import Path
from typing import Any

import httpx

from server.network.loopback import is_proxy_allowed
from server.network.tls import make_tls_context


def open_http_client(url: str, ca_file: Path | None, **options: Any) -> httpx.AsyncClient:
    """Return an HTTP client for the server of a URL. It follows no redirects.

    A proxy that the environment names is used, but not for this machine. Certificates are read from the disk, which
    takes 25 ms: call this in a thread if requests are answered meanwhile.

    Args:
        url: the URL, or the part of it that all requests share.
        ca_file: PEM certificates of authorities that are trusted beside the usual ones; None for those alone.
        options: those of `httpx.AsyncClient`.
    """
    trust_env = is_proxy_allowed(url)
    return httpx.AsyncClient(verify=make_tls_context(ca_file), follow_redirects=False, trust_env=trust_env, **options)
