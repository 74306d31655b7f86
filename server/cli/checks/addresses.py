"""Checks of addresses: the ones of the metrics, of the collector of traces, of the server itself and of issuers."""

import asyncio
import socket

import httpx

from auth.issuers.connections import Connections
from auth.issuers.discovery import TOTAL_SECONDS, UnusableIssuerError
from server.checks.finding import Finding
from server.cli.common import check_port_known
from server.config import Settings
from server.network.http import open_http_client
from server.network.loopback import is_loopback

#: The addresses that mean all addresses of the machine, each with one at which a listener can be asked.
_ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


async def check_metrics(settings: Settings) -> Finding:
    """Look whether the port of the metrics is free, or has this server's metrics."""
    host, port = settings.metrics_host, settings.metrics_port
    if not port:
        return Finding("metrics", is_ok=True, detail="off")
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return Finding("metrics", is_ok=True, detail=f"port {port} on {host} is free for them")
    except OSError:
        reachable = _ANYWHERE.get(host, host)
        url = f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}/metrics"
    try:
        async with open_http_client(url, settings.ca_file, timeout=5) as client:
            is_us = "loci_build_info" in (await client.get(url)).text
    except (httpx.HTTPError, httpx.InvalidURL):
        is_us = False
    cure = "Stop the program that uses it, or set LOCI_METRICS_HOST and LOCI_METRICS_PORT to others."
    detail = f"{url} answers" if is_us else f"port {port} on {host} cannot be opened"
    return Finding("metrics", is_ok=is_us, detail=detail, cure=cure)


async def check_traces(settings: Settings) -> Finding:
    """Send the collector of traces a message without any span. A collector that is down harms nothing else."""
    url = settings.traces_endpoint
    if not url:
        return Finding("traces", is_ok=True, detail="off")
    try:
        async with open_http_client(url, settings.ca_file, timeout=5) as client:
            answer = await client.post(url, headers={"Content-Type": "application/x-protobuf"})
        problem = "" if answer.is_success else f"answered {answer.status_code}"
    except httpx.HTTPError as error:
        problem = f"does not answer ({type(error).__name__})"
    cure = "Start the collector, or check LOCI_TRACES_ENDPOINT. Until then spans are dropped, and all else works."
    detail = f"{url} {problem or 'takes them'}"
    return Finding("traces", is_ok=not problem, detail=detail, cure=cure, is_warning=True)


async def check_public_url(settings: Settings) -> Finding:
    """Ask the public URL whether this server answers there."""
    url = settings.public_url
    check_port_known(settings)
    try:
        async with open_http_client(url, settings.ca_file, timeout=5) as client:
            answer = await client.get(f"{url}/.well-known/oauth-protected-resource/mcp")
        is_us = answer.is_success and answer.json().get("resource") == settings.resource
    except httpx.HTTPError as error:
        hint = (
            "Start it with `make serve`."
            if is_loopback(httpx.URL(url).host)
            else "Start it; check DNS, TLS and the proxy."
        )
        return Finding("public URL", is_ok=False, detail=f"{url} does not answer ({type(error).__name__})", cure=hint)
    except ValueError:
        is_us = False
    cure = "Another program answers there, or the running server has another LOCI_PUBLIC_URL."
    return Finding("public URL", is_ok=is_us, detail=f"{url} {'answers' if is_us else 'is not this server'}", cure=cure)


async def check_issuers(settings: Settings) -> Finding:
    """Ask every issuer for its metadata and its keys."""
    connections = Connections(settings.ca_file)
    try:
        return await _ask_issuers(settings, connections)
    finally:
        await connections.close()


async def _ask_issuers(settings: Settings, connections: Connections) -> Finding:
    details: list[str] = []
    login_issuers = [settings.login_oidc_issuer] if settings.login_oidc_issuer else []
    for issuer in (*settings.auth_issuer, *settings.enterprise_issuer, *login_issuers):
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                state = await connections.fetch_state(issuer)
        except (UnusableIssuerError, TimeoutError) as error:
            reason = str(error) or "It does not answer in time."
            cure = (
                "Check LOCI_AUTH_ISSUER, LOCI_ENTERPRISE_ISSUER and LOCI_LOGIN_OIDC_ISSUER; docs/issuers.md says what "
                "an issuer must have."
            )
            return Finding("issuers", is_ok=False, detail=f"{issuer}: {reason}", cure=cure)
        details.append(f"{issuer} publishes {len(state.keys)} usable key{'s' if len(state.keys) > 1 else ''}")
    return Finding("issuers", is_ok=True, detail="; ".join(details))
