"""The page of the audit: who called what when, by filters, as a file, and whether it is as it was written."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.pages.browser import make_principal
from server.store.audit.entry import OK
from server.store.record.audit import REFUSED
from server.web.audit_csv import open_csv
from server.web.console.door import make_address, open_visit
from server.web.console.govern.usage_page import list_accounts
from tools.core.call import Door

PATH = "/audit"
CSV_PATH = "/audit/csv"
#: The filters of the page, in their order; each is an argument of the operation.
FILTERS = ("person", "app", "workspace", "operation", "since", "until", "request_id")
ON_A_PAGE = 50


async def serve_audit_page(request: Request) -> Response:
    """GET a page of the audit of the query's `account`; with `verify`, say whether it is as it was written."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    query = request.query_params
    chosen = {name: query.get(name, "").strip() for name in (*FILTERS, "outcome", "account")}
    verified: Any = None
    if query.get("verify"):
        verified = await visit.execute("verify_audit", account=chosen["account"])
    found = await visit.execute("list_audit", **chosen, limit=ON_A_PAGE, cursor=query.get("cursor"))
    accounts = [each for each in await list_accounts(visit) if each.role == "owner"]
    return visit.render(
        "audit.html",
        found=found,
        chosen=chosen,
        filters=FILTERS,
        outcomes=(OK, REFUSED),
        is_filtered=any(chosen[name] for name in FILTERS),
        accounts=accounts,
        account=chosen["account"] or next((each.id for each in accounts if each.is_personal), ""),
        verified=verified,
        verify=make_address(PATH, account=chosen["account"], verify="1"),
        next_page=found.next_cursor and make_address(PATH, **chosen, cursor=found.next_cursor),
        csv=make_address(CSV_PATH, **chosen),
    )


async def serve_audit_file(request: Request) -> Response:
    """GET the whole list that fits the query, as CSV."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    return await open_csv(request, Door(make_principal(visit.user), request.state.request_id, name="console"))
