"""The checks of settings that take more than a bound: URLs and addresses."""

from urllib.parse import urlsplit

from server.network.loopback import is_loopback
from server.network.origins import find_host, normalize_origin
from server.settings.problems import SHOWN


def check_http_url(url: str, example: str, password_advice: str = "") -> None:
    """Check that a text is a URL to which texts may be sent. `password_advice` ends the sentence about a password.

    Raises:
        ValueError: it is no URL, has a password, or would send texts unencrypted over a network.
    """
    parts = urlsplit(url)
    _ = parts.port  # raises ValueError if it is not a number
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"must be scheme://host[:port]/path, like {example}")
    if parts.username is not None:
        raise ValueError(f"must not contain a password{password_advice}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https unless it is a loopback address")


def check_endpoint_url(value: str, key_setting: str, example: str) -> str:
    """Return the URL of an endpoint without a slash at its end. `key_setting` is the setting for its password.

    Raises:
        ValueError: as `check_http_url`.
    """
    url = value.rstrip("/")
    check_http_url(url, example, f"; use {key_setting} for it")
    return urlsplit(url).geturl()


def check_api_key(value: str) -> str:
    """Return an API key, which may be empty, if a request can carry it.

    Raises:
        ValueError: no HTTP header can hold it.
    """
    if not all("!" <= character <= "~" for character in value):
        raise ValueError("must consist of printable ASCII characters without spaces")
    return value


def check_public_url(value: str, host: str, port: int) -> str:
    """Return the origin that a public URL means; that of a host and a port if it is empty.

    Raises:
        ValueError: it is no URL of a server, or anybody could read what is sent there.
    """
    url = value.strip().rstrip("/") or f"http://{find_loopback(host)}:{port}"
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("must be scheme://host[:port] without a path")
    try:
        origin = normalize_origin(url)
    except ValueError:
        raise ValueError("must be scheme://host[:port] without a path") from None
    if origin.startswith("http:") and not is_loopback(find_host(origin)):
        raise ValueError("must be https unless it is a loopback address")
    return origin


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
    address = host.partition("%")[0]  # a URL has no zone, and a loopback address needs none
    return f"[{address}]" if ":" in address else address
