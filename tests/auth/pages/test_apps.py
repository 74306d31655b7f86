"""The page of connected apps, and the button that ends one."""

import pytest
import respx

from server.store.record.people.accounts import create_user
from tests.auth.clients.test_documents import AT, CALLBACK, DOCUMENT, URL
from tests.helpers.logins.flow import ON_BOTH, PASSWORD, Flow, read_fields

pytestmark = [pytest.mark.anyio, ON_BOTH]


async def disconnect(flow, grant):
    page = await flow.http.get("/logout")  # a form is there even for those who have no app
    return await flow.http.post("/apps", data=read_fields(page.text) | {"grant": grant})


async def test_a_person_sees_what_is_connected_and_how_to_connect_if_nothing_is(flow):
    assert "http://127.0.0.1:8080/mcp" in (await flow.http.get("/apps")).text
    await flow.tokens(scopes=("memory:read",))
    page = await flow.http.get("/apps")
    assert "Test App" in page.text
    assert "reads only" in page.text


async def test_an_app_is_disconnected_at_once(flow, auth, revoked_ids):
    tokens = await flow.tokens()
    grant_id = (await auth.tokens.verify(tokens["access_token"])).grant_id
    assert (await disconnect(flow, grant_id)).status_code == 302
    assert await auth.tokens.verify(tokens["access_token"]) is None
    assert (await flow.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert revoked_ids == [grant_id]
    assert "Test App" not in (await flow.http.get("/apps")).text


async def test_nobody_disconnects_anothers_app(flow, auth, make_browser, revoked_ids, clock):
    tokens = await flow.tokens()
    grant_id = (await auth.tokens.verify(tokens["access_token"])).grant_id
    password_hash = await auth.passwords.hash(PASSWORD)
    async with auth.db.write() as connection:
        await create_user(connection, name="eve", password_hash=password_hash, is_admin=True, now=clock())
    async with make_browser() as http:
        eve = Flow(http, auth.issuer)
        await eve.log_in("eve")
        assert "Test App" not in (await http.get("/apps")).text
        assert (await disconnect(eve, grant_id)).status_code == 302
    assert await auth.tokens.verify(tokens["access_token"]) is not None
    assert revoked_ids == []


async def test_disconnecting_takes_the_forms_token(flow, auth):
    tokens = await flow.tokens()
    grant_id = (await auth.tokens.verify(tokens["access_token"])).grant_id
    assert (await flow.http.post("/apps", data={"grant": grant_id})).status_code == 403
    assert (await flow.http.post("/apps", json={})).status_code == 400
    assert await auth.tokens.verify(tokens["access_token"]) is not None


async def test_an_app_that_was_disconnected_has_to_ask_again(flow, auth):
    with respx.mock as web:
        web.get(AT).respond(json=DOCUMENT)
        flow.client = {"client_id": URL}
        tokens = (await flow.redeem(await flow.code(redirect_uri=CALLBACK), redirect_uri=CALLBACK)).json()
        assert (await flow.authorize(redirect_uri=CALLBACK)).status_code == 302
        assert "app.example" in (await flow.http.get("/apps")).text
        await disconnect(flow, (await auth.tokens.verify(tokens["access_token"])).grant_id)
        assert (await flow.authorize(redirect_uri=CALLBACK)).status_code == 200


async def test_the_page_is_for_people_who_are_logged_in(http):
    assert (await http.get("/apps")).headers["location"] == "/login?next=/apps"
    assert (await http.post("/apps", data={})).headers["location"] == "/login?next=/apps"


@pytest.mark.parametrize("path", ["/favicon.ico", "/static/loci.svg"])
async def test_pages_have_an_icon_also_where_browsers_look_by_themselves(http, path):
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert (await http.head(path)).status_code == 200


async def test_the_style_sheet_is_ours(http):
    answer = await http.get("/static/loci.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert "http" not in answer.text


async def test_two_people_of_one_app_each_see_and_end_their_own_connection(flow, make_browser, auth):
    mine = await flow.tokens()
    password_hash = await auth.passwords.hash(PASSWORD)
    async with auth.db.write() as connection:
        await create_user(connection, name="bob", password_hash=password_hash, is_admin=False, now=auth.now())
    async with make_browser() as http:
        other = Flow(http, auth.issuer, flow.client)
        await other.log_in("bob")
        assert "Test App" not in (await http.get("/apps")).text
        theirs = await other.tokens()
        principals = [await auth.tokens.verify(each["access_token"]) for each in (mine, theirs)]
        assert principals[0].client_id == principals[1].client_id
        assert principals[0].user_id != principals[1].user_id
        assert "Test App" in (await http.get("/apps")).text
        await disconnect(other, principals[0].grant_id)
        assert await auth.tokens.verify(mine["access_token"]) is not None
        await disconnect(other, principals[1].grant_id)
    assert await auth.tokens.verify(theirs["access_token"]) is None
    assert await auth.tokens.verify(mine["access_token"]) is not None
