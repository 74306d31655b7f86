"""The hops before a login: a client finds the server, is told to log in, and finds where."""

from typing import Any
from urllib.parse import urlsplit

from server.checks.connection.hop import Hop, HopBroken
from server.checks.connection.visitor import Answer, Visitor
from server.network.loopback import is_loopback

MCP = "/mcp"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource/mcp"
SERVER_METADATA = "/.well-known/oauth-authorization-server"
#: A bearer that is not valid, so that the answer shows whether it arrived.
NO_BEARER = {"authorization": "Bearer connection-check"}
#: An origin of another site. No request goes there.
OTHER_ORIGIN = "https://another-site.example"
#: More than the 1 MB that nginx takes unless it is told otherwise, and less than the 4 MB that Loci takes.
BODY_BYTES = 2 * 1024 * 1024
_UNAUTHORIZED, _TOO_LARGE = 401, 413


async def check_address(visitor: Visitor) -> str:
    """Look at the address itself, before anybody is asked."""
    parts = urlsplit(visitor.url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise HopBroken("This is no address of a server.", "Send one such as https://memory.example.com.")
    if parts.scheme == "http" and not is_loopback(host):
        raise HopBroken(
            f"{visitor.url} is not https, and clients log in over https alone, but for this machine.",
            "Put a proxy with a certificate in front of Loci (docs/proxies.md), and set LOCI_PUBLIC_URL to it.",
        )
    return f"{visitor.url} can be an address for clients."


async def find_resource(visitor: Visitor) -> str:
    """Read the metadata of the MCP endpoint, and compare the address in it with the one in use."""
    answer = await visitor.ask("GET", RESOURCE_METADATA)
    found: Any = answer.read_object().get("resource")
    if not isinstance(found, str):
        raise HopBroken(
            f"{RESOURCE_METADATA} got {answer.status} and no metadata: this is not Loci.",
            "Let the proxy pass every path to Loci, those under /.well-known/ too.",
        )
    if found != f"{visitor.url}{MCP}":
        raise _make_mismatch(visitor.url, found.removesuffix(MCP)[:200])
    return f"Loci answers, and calls itself {found}."


def _make_mismatch(url: str, theirs: str) -> HopBroken:
    is_scheme_alone = url.partition("://")[2] == theirs.partition("://")[2]
    more = " Only http and https differ: the proxy speaks https, and Loci does not know it." if is_scheme_alone else ""
    detail = f"The client calls {url}, and Loci calls itself {theirs}.{more} Clients compare the two, and refuse."
    return HopBroken(detail, f"Set LOCI_PUBLIC_URL={url}, or paste the address {theirs}{MCP}.")


async def get_challenge(visitor: Visitor) -> str:
    """Call without a bearer: the answer says where to log in."""
    answer = await visitor.ask("POST", MCP, json={})
    challenge = answer.headers.get("www-authenticate", "")
    if answer.status == _UNAUTHORIZED and challenge.lower().startswith("basic"):
        raise HopBroken(
            "The proxy asks for a password of its own (Basic).",
            "Take that away for Loci's paths: clients cannot send two kinds of Authorization, and Loci has a login.",
        )
    if answer.status != _UNAUTHORIZED:
        raise HopBroken(
            f"A call without a bearer got {answer.status}, and should get 401.",
            "Look whether a proxy or a login wall answers in the place of Loci, or adds a bearer of its own.",
        )
    if "resource_metadata=" not in challenge:
        raise HopBroken(
            "The answer 401 lacks the header WWW-Authenticate, which says where to log in.",
            "Let the proxy pass WWW-Authenticate on (and show no error page of its own for 401).",
        )
    return "A call without a bearer is told where to log in."


async def send_bearer(visitor: Visitor) -> str:
    """Call with a bearer that is not valid: the answer shows whether it arrived."""
    answer = await visitor.ask("POST", MCP, json={}, headers=NO_BEARER)
    if answer.status != _UNAUTHORIZED or "invalid_token" not in answer.headers.get("www-authenticate", ""):
        raise HopBroken(
            "The header Authorization does not arrive at Loci.",
            "Let the proxy pass it on (Apache: `CGIPassAuth On`; nginx: no `proxy_set_header Authorization`), and "
            "let nothing redirect /mcp to /mcp/.",
        )
    return "The header Authorization arrives."


async def find_server(visitor: Visitor) -> str:
    """Read the metadata of the authorization server, and compare the addresses in it with the one in use."""
    named: Any = (await visitor.ask("GET", RESOURCE_METADATA)).read_object().get("authorization_servers")
    if isinstance(named, list) and visitor.url not in named:
        others = ", ".join(str(each)[:200] for each in named[:3])  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - JSON
        raise HopBroken(
            f"Tokens come from another server, {others}, so the check ends here.",
            "Nothing is wrong so far. docs/issuers.md says what that server must have.",
            is_warning=True,
            is_end=True,
        )
    answer = await visitor.ask("GET", SERVER_METADATA)
    metadata = answer.read_object()
    if metadata.get("issuer") != visitor.url:
        detail = f"{SERVER_METADATA} got {answer.status}, and names the issuer {str(metadata.get('issuer'))[:200]}."
        raise HopBroken(detail, f"Let the proxy pass that path on as it is, and set LOCI_PUBLIC_URL={visitor.url}.")
    places = [metadata.get(f"{each}_endpoint") for each in ("authorization", "token", "revocation")]
    if strange := [each for each in places if not str(each).startswith(f"{visitor.url}/")]:
        raise HopBroken(f"An endpoint is elsewhere: {str(strange[0])[:200]}.", "Let no proxy rewrite the answer.")
    return "The addresses of the login are there, with PKCE."


async def read_as_page(visitor: Visitor) -> str:
    """Read the metadata as a page of another site does, such as a client in a browser (CORS)."""
    answer = await visitor.ask("GET", RESOURCE_METADATA, headers={"origin": OTHER_ORIGIN})
    allowed = answer.headers.get_list("access-control-allow-origin", split_commas=True)
    if allowed in (["*"], [OTHER_ORIGIN]):
        return "Clients in a browser may read the metadata."
    seen = "twice" if len(allowed) > 1 else f"as {allowed[0][:100]}" if allowed else "not at all"
    raise HopBroken(
        f"The header Access-Control-Allow-Origin is there {seen}, so clients in a browser cannot read the metadata.",
        "Let the proxy add no CORS headers and drop none: Loci sends them, and LOCI_CORS_ORIGINS says for whom.",
        is_warning=True,
    )


async def send_large_body(visitor: Visitor) -> str:
    """Send a body of two megabytes, as a client that stores a picture does."""
    answer = await _send_bytes(visitor)
    if answer.status == _TOO_LARGE and answer.code != "too_large":
        raise HopBroken(
            f"The proxy refuses a body of {BODY_BYTES >> 20} MB (413).",
            "Raise its limit to 80 MB (nginx: `client_max_body_size 80m`). Smaller calls work.",
            is_warning=True,
        )
    if answer.status != _UNAUTHORIZED:
        detail = f"A body of {BODY_BYTES >> 20} MB got {answer.status}."
        raise HopBroken(detail, "Look into the log of the proxy. Smaller calls work.", is_warning=True)
    return f"A body of {BODY_BYTES >> 20} MB arrives."


async def _send_bytes(visitor: Visitor) -> Answer:
    try:
        return await visitor.ask("POST", MCP, content=b" " * BODY_BYTES, headers=NO_BEARER)
    except HopBroken as broken:
        raise HopBroken(broken.detail, broken.cure, is_warning=True) from None


HOPS = (
    Hop("address", check_address),
    Hop("resource metadata", find_resource),
    Hop("challenge", get_challenge),
    Hop("Authorization header", send_bearer),
    Hop("clients in a browser", read_as_page),
    Hop("large bodies", send_large_body),
    Hop("login metadata", find_server),
)
