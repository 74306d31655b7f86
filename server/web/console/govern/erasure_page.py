"""The page of erasure: the receipts of what was erased, and what is kept from coming back, which a person can lift."""

from starlette.requests import Request
from starlette.responses import Response

from server.web.console.door import make_address, open_visit, read_number
from server.web.console.govern.usage_page import list_accounts

PATH = "/erasure"
ON_A_PAGE = 25
#: The command that looks for what was erased.
_PROOF = 'echo "the words" | loci erasure verify RECEIPT --words --backups FOLDER'


async def serve_erasure_page(request: Request) -> Response:
    """GET the receipts of the query's `account`, and the tombstones of its `workspace`; POST to lift some."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    query = request.query_params
    if request.method == "POST":
        form = await visit.read_form()
        done = await visit.execute("lift_tombstones", id=form.get("id"), receipt=form.get("receipt"))
        chosen = {name: form.get(name) for name in ("account", "workspace")}
        return visit.redirect(make_address(PATH, **chosen, lifted=str(done.lifted)))
    account, workspace, receipt = (query.get(name, "") for name in ("account", "workspace", "receipt"))
    receipts = await visit.execute("list_receipts", account=account, limit=ON_A_PAGE, cursor=query.get("cursor"))
    stones = await visit.execute(
        "list_tombstones", workspace, receipt=receipt, limit=ON_A_PAGE, cursor=query.get("stones")
    )
    accounts = await list_accounts(visit)
    chosen = {"account": account, "workspace": workspace, "receipt": receipt}
    return visit.render(
        "erasure.html",
        receipts=receipts.receipts,
        tombstones=stones.tombstones,
        accounts=accounts,
        account=account or next((each.id for each in accounts if each.is_personal), ""),
        chosen=chosen,
        workspace=stones.meta.workspace,
        workspaces=await visit.list_workspaces(),
        proof=_PROOF,
        lifted=read_number(query.get("lifted")),
        more_receipts=receipts.next_cursor and make_address(PATH, **chosen, cursor=receipts.next_cursor),
        more_tombstones=stones.next_cursor and make_address(PATH, **chosen, stones=stones.next_cursor),
    )
