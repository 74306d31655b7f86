"""The page of people: the person's accounts, and the members of one with their roles and invitations."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.parameters import Parameters
from auth.texts import say
from server.errors import Failure
from server.store.record.people.rights import ROLES
from server.web.console.door import Visit, make_address, open_visit

PATH = "/people"
#: The roles of those who change members.
MANAGING = ("owner", "admin")


async def serve_people_page(request: Request) -> Response:
    """GET the accounts, and the members of the query's `account`; POST `action` to change them."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method != "POST":
        return await _show(visit, request.query_params.get("account"))
    form = await visit.read_form()
    if form.get("action") == "invite":
        values = {"role": form.get("role"), "name": form.get("name"), "expires_in_days": form.get("days")}
        made = await visit.execute("create_invitation", id=form.get("account"), **values)
        return await _show(visit, form.get("account"), made=made)
    return visit.redirect(make_address(PATH, account=await _change(visit, form)))


async def _change(visit: Visit, form: Parameters) -> str | None:
    """Do what a button says, and return the id of the account to show."""
    account = form.get("account")
    member = {"id": account, "user_id": form.get("member")}
    match form.get("action"):
        case "create":
            return (await visit.execute("create_account", name=form.get("name"))).id
        case "role":
            await visit.execute("set_member_role", **member, role=form.get("role"))
        case "remove":
            await visit.execute("remove_member", **member)
            return None if form.get("member") == visit.user.id else account
        case "revoke":
            await visit.execute("revoke_invitation", id=account, invitation_id=form.get("invitation"))
        case _:
            raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    return account


async def _show(visit: Visit, account_id: str | None, *, made: Any = None) -> Response:
    accounts = (await visit.execute("list_accounts")).accounts
    teams = [each for each in accounts if not each.is_personal]
    chosen = next((each for each in teams if each.id == account_id), None)
    if chosen is None and account_id:
        raise Failure("not_found", say("There is no such account, or you are not in it any more."))
    chosen = chosen or (teams[0] if teams else None)
    members: list[Any] = []
    invitations: list[Any] = []
    if chosen is not None:
        members = (await visit.execute("list_members", id=chosen.id)).members
        if chosen.role in MANAGING:
            invitations = (await visit.execute("list_invitations", id=chosen.id)).invitations
    return visit.render(
        "people.html",
        teams=teams,
        account=chosen,
        members=members,
        invitations=invitations,
        is_managing=chosen is not None and chosen.role in MANAGING,
        roles=[each for each in ROLES if chosen is not None and (chosen.role == "owner" or each != "owner")],
        made=made,
    )
