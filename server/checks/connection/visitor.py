"""The client that the connection doctor plays: it asks one server, and tells every trouble of transport in words."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from server.checks.connection.hop import HopBroken
from server.network.loopback import is_loopback

#: The seconds that one answer may take, and the most bytes of it that are read.
PATIENCE = 10
MOST_BYTES = 256 * 1024
_REDIRECTS = range(300, 400)
_GATEWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: its status, its headers and its body."""

    status: int
    headers: httpx.Headers
    body: bytes

    def read_object(self) -> dict[str, Any]:
        """Return the JSON object in the body; an empty one if there is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def code(self) -> str:
        """The code of a refusal of Loci, such as `wrong_host`; "" if it is none."""
        code = self.read_object().get("error")
        return code if isinstance(code, str) else ""

    @property
    def message(self) -> str:
        """The sentence of a refusal; its first 300 characters."""
        body = self.read_object()
        return str(body.get("message") or body.get("error_description") or f"status {self.status}")[:300]


@dataclass(slots=True)
class Visitor:
    """Asks the server of one URL, and no other one: a redirect is not followed.

    Attributes:
        url: the server's public URL, without a slash at its end.
        http: the client that sends the requests.
        client_id: the client that was registered.
        token: the access token that was issued.
    """

    url: str
    http: httpx.AsyncClient
    client_id: str = ""
    token: str = field(default="", repr=False)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        may_redirect: bool = False,
        **content: Any,
    ) -> Answer:
        """Send a request to a path of the server, and return the answer.

        Raises:
            HopBroken: nobody answered, or not Loci: a proxy's error, a redirect, or a refused `Host`.
        """
        try:
            async with self.http.stream(method, f"{self.url}{path}", headers=headers, **content) as response:
                body = await _read_start(response)
        except httpx.TimeoutException:
            detail = f"{method} {path} got no answer within {PATIENCE} seconds."
            raise HopBroken(
                detail, "Look whether the proxy reaches Loci, and whether it waits for the whole of a body."
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._explain(error) from None
        answer = Answer(response.status_code, response.headers, body)
        if answer.status in _REDIRECTS and not may_redirect:
            raise self._explain_redirect(path, answer.headers.get("location", ""))
        if answer.code == "wrong_host":
            raise HopBroken(
                f"Loci refuses the name by which it was called. It says: {answer.message}",
                "Let the proxy pass the header `Host` on as it is, with its port (nginx: `proxy_set_header Host "
                f"$http_host`), and set LOCI_PUBLIC_URL={self.url} if that is the URL that people paste.",
            )
        if answer.status in _GATEWAY and not answer.code:
            detail = f"{method} {path} got {answer.status} from a proxy: it does not reach Loci."
            raise HopBroken(detail, "Start Loci, and compare the address in the proxy with LOCI_HOST and LOCI_PORT.")
        return answer

    async def get_first_bytes(self, path: str, headers: Mapping[str, str]) -> bytes:
        """Return the first bytes of an answer that goes on; nothing if it is refused, or if none come in time."""
        try:
            async with self.http.stream("GET", f"{self.url}{path}", headers=headers) as response:
                if response.is_success:
                    async for piece in response.aiter_bytes():
                        return piece
        except (httpx.HTTPError, httpx.InvalidURL):
            pass
        return b""

    def _explain(self, error: Exception) -> HopBroken:
        host = urlsplit(self.url).hostname or ""
        if isinstance(error, httpx.ConnectError) and _has_cause(error, ssl.SSLError):
            return HopBroken(
                f"The certificate of {host} cannot be checked, or no TLS is spoken there.",
                "Use a certificate that clients trust (docs/proxies.md). If its authority is your own, set "
                "LOCI_CA_FILE, and let each client trust it.",
            )
        if isinstance(error, httpx.ConnectError):
            cure = (
                "Start Loci." if is_loopback(host) else "Check the name in DNS, the port, the firewall and the proxy."
            )
            return HopBroken(f"Nobody listens at {self.url}.", cure)
        return HopBroken(
            f"{self.url} breaks the connection off ({type(error).__name__}).",
            "Look into the log of the proxy: it may limit bodies, or speak https where http was meant.",
        )

    def _explain_redirect(self, path: str, location: str) -> HopBroken:
        to = urlsplit(location)
        ours = urlsplit(self.url)
        if to.scheme == "https" and ours.scheme == "http" and to.hostname == ours.hostname:
            detail, cure = f"{path} is redirected to https.", "Paste the https address, and set LOCI_PUBLIC_URL to it."
        elif to.netloc and to.netloc != ours.netloc:
            detail = f"{path} is redirected to {to.scheme}://{to.netloc[:100]}."
            cure = "Set LOCI_PUBLIC_URL to the address that answers; if it is a login wall, let it pass Loci's paths."
        else:
            detail = f"{path} is redirected to {location[:200]}."
            cure = "Let the proxy pass requests on without a redirect: clients drop the header Authorization on one."
        return HopBroken(detail, cure)


async def _read_start(response: httpx.Response) -> bytes:
    """Return the body, or its first `MOST_BYTES`."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) >= MOST_BYTES:
            break
    return body[:MOST_BYTES]


def _has_cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error of this kind is behind an error."""
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
