"""The checks of settings that several settings share: URLs and addresses."""

from urllib.parse import urlsplit

from server.loopback import is_loopback
from server.setting_problems import SHOWN


def check_endpoint_url(value: str, key_setting: str) -> str:
    """Return the URL of an endpoint without a slash at its end. `key_setting` is the setting for its password.

    Raises:
        ValueError: it is no URL, has a password, or would send texts unencrypted over a network.
    """
    parts = urlsplit(value.rstrip("/"))
    _ = parts.port  # raises ValueError if it is not a number
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be scheme://host[:port]/path, like https://api.openai.com/v1")
    if parts.username is not None:
        raise ValueError(f"must not contain a password; use {key_setting} for it")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https unless it is a loopback address")
    return parts.geturl()


def find_loopback(host: str) -> str:
    """Return the host of the URL at which a server that listens on an address can be reached on this machine.

    Raises:
        ValueError: there is none.
    """
    if host in {"", "0.0.0.0"}:  # noqa: S104 - nothing is bound here
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    if not is_loopback(host):
        raise ValueError(f"must be set, because LOCI_HOST ({host[:SHOWN]}) is no loopback address")
    return f"[{host}]" if ":" in host else host
