"""The replay of a client's way to its first call: hop after hop, until one fails."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from server.checks.connection import calls, discovery, login
from server.checks.connection.hop import Hop, HopBroken
from server.checks.connection.login import Exchange
from server.checks.connection.visitor import PATIENCE, Visitor
from server.checks.finding import Finding
from server.network.http import open_http_client

#: The hops for which nobody needs to be there.
BEFORE_CONSENT = (*discovery.HOPS, *login.HOPS)


@asynccontextmanager
async def open_visitor(url: str, ca_file: Path | None) -> AsyncGenerator[Visitor]:
    """Open a client for the server of this public URL, and for no other one."""
    url = url.rstrip("/").removesuffix(discovery.MCP)
    async with await asyncio.to_thread(open_http_client, url, ca_file, timeout=PATIENCE) as http:
        yield Visitor(url, http)


async def replay_discovery(visitor: Visitor) -> list[Finding]:
    """Take the hops up to the consent page, and return a finding for each. The visitor then has a client's id."""
    return await _take(BEFORE_CONSENT, visitor)


def is_consent_next(findings: Sequence[Finding]) -> bool:
    """Whether the hops before the consent page are all behind, so that a person has to consent."""
    return len(findings) == len(BEFORE_CONSENT) and all(each.state != "fail" for each in findings)


async def replay_first_call(visitor: Visitor, exchange: Exchange) -> list[Finding]:
    """Take the hops after the consent page, and return a finding for each. The token is given back in any case."""
    findings = await _take((Hop("token", partial(login.get_token, exchange=exchange)), *calls.HOPS), visitor)
    return findings + (await _take([Hop("log out", login.log_out)], visitor) if visitor.token else [])


async def _take(hops: Iterable[Hop], visitor: Visitor) -> list[Finding]:
    findings: list[Finding] = []
    for hop in hops:
        try:
            findings.append(Finding(hop.name, is_ok=True, detail=await hop.take(visitor)))
        except HopBroken as broken:
            found = Finding(hop.name, is_ok=False, detail=broken.detail, cure=broken.cure, is_warning=broken.is_warning)
            findings.append(found)
            if broken.is_end:
                break
    return findings
