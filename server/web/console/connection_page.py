"""The page of the connection check: it plays a client of this server, and names the hop that fails, and its fix."""

from starlette.requests import Request
from starlette.responses import Response

from auth.server import get_authorization_server
from server.checks.connection.login import CALLBACK, Exchange, make_authorization_path
from server.checks.connection.replay import is_consent_next, open_visitor, replay_discovery, replay_first_call
from server.checks.finding import Finding
from server.web.console.door import Visit, open_visit

PATH = CALLBACK


async def serve_connection_page(request: Request) -> Response:
    """GET the page, and with a `code` the hops after the consent page; POST to take the hops before it."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        await visit.read_form()
        return await _check_discovery(visit)
    query = request.query_params
    if "error" in query:
        denied = Finding("consent", is_ok=False, detail=query.get("error_description", "")[:300], cure="Begin anew.")
        return _render(visit, [denied])
    if "code" in query:
        return await _check_first_call(visit, query["code"], query.get("state", ""))
    return _render(visit, [])


async def _check_discovery(visit: Visit) -> Response:
    auth = get_authorization_server(visit.request)
    async with open_visitor(auth.issuer, auth.settings.ca_file) as visitor:
        findings = await replay_discovery(visitor)
        if not is_consent_next(findings):
            return _render(visit, findings)
        client_id = visitor.client_id
    verifier = auth.sealer.make_code_verifier(visit.browser.cookie, client_id)
    return _render(visit, findings, make_authorization_path(auth.issuer, client_id, verifier, client_id))


async def _check_first_call(visit: Visit, code: str, client_id: str) -> Response:
    """Take the last hops. Only this browser's code is good: the secret of its login is derived from the cookie."""
    auth = get_authorization_server(visit.request)
    verifier = auth.sealer.make_code_verifier(visit.browser.cookie, client_id)
    async with open_visitor(auth.issuer, auth.settings.ca_file) as visitor:
        findings = await replay_first_call(visitor, Exchange(client_id, code, verifier))
    return _render(visit, findings, is_end=True)


def _render(visit: Visit, findings: list[Finding], next_page: str | None = None, *, is_end: bool = False) -> Response:
    """Return the page with the findings. `next_page`: the address of the consent page, if it is next."""
    is_well = is_end and all(each.state != "fail" for each in findings)
    url = get_authorization_server(visit.request).issuer
    return visit.render("connection.html", findings=findings, next_page=next_page, is_well=is_well, url=url)
