"""A grant type is one row: the token endpoint, the server's metadata and the check of clients all follow from it."""

import ast
from pathlib import Path

import pytest
import sqlalchemy as sa

from auth.grants.outcome import GrantRefusal
from auth.grants.table import GRANTS
from auth.rfc import InvalidGrantError
from server.store.tables.oauth import oauth_clients
from tests.helpers.logins.flow import REDIRECT, Flow

pytestmark = pytest.mark.anyio

NEW = "urn:example:made-up"
DOCUMENT_URL = "https://app.example/client.json"


@pytest.fixture
def auth(make_server):
    """A server with everything that a grant type may need."""
    return make_server(assertions=object())


@pytest.fixture
def new_grant(monkeypatch):
    """A grant type that is in the table and nowhere else."""

    async def refuse(_auth, client, form, _address):
        return GrantRefusal(InvalidGrantError(f"{client.name} sent {form.get('assertion')}."))

    monkeypatch.setitem(GRANTS, NEW, refuse)
    return NEW


async def registered_grant_types(http, auth, **metadata):
    answer = await Flow(http, auth.issuer).register(**metadata)
    assert answer.status_code == 201
    return answer.json()["grant_types"]


async def send(http, client, grant_type, **form):
    return await http.post("/oauth/token", data={"grant_type": grant_type, "client_id": client["client_id"]} | form)


async def test_every_grant_type_is_in_the_metadata_and_can_be_registered(http, auth):
    metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["grant_types_supported"] == list(GRANTS)
    assert await registered_grant_types(http, auth) == list(GRANTS)
    for grant_type in GRANTS:
        named = ["authorization_code", grant_type]
        assert await registered_grant_types(http, auth, grant_types=named) == list(dict.fromkeys(named))


async def test_a_new_row_is_in_the_metadata_and_can_be_registered(http, auth, new_grant):
    metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert new_grant in metadata["grant_types_supported"]
    named = ["authorization_code", new_grant]
    assert await registered_grant_types(http, auth, grant_types=named) == named


async def test_a_new_row_can_be_named_by_a_client_metadata_document(new_grant, make_server):
    auth = make_server()
    client = await auth.documents.accept_unverified(DOCUMENT_URL, REDIRECT)
    assert new_grant in client.grant_types
    assert new_grant in (await auth.documents.find_known_client(DOCUMENT_URL)).grant_types


async def test_the_token_endpoint_calls_the_handler_of_a_new_row(http, auth, new_grant):
    app = Flow(http, auth.issuer)
    await app.register(grant_types=["authorization_code", new_grant], client_name="Maker")
    answer = await send(http, app.client, new_grant, assertion="this")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_description"] == "Maker sent this."


@pytest.mark.parametrize("grant_type", sorted(GRANTS))
async def test_a_client_may_use_only_the_grant_types_it_registered(http, auth, grant_type):
    app = Flow(http, auth.issuer)
    await app.register()
    others = [each for each in GRANTS if each != grant_type]
    async with auth.db.write() as connection:
        await connection.execute(sa.update(oauth_clients).values(grant_types=others))
    answer = await send(http, app.client, grant_type)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


async def test_a_grant_type_without_a_row_is_refused_and_the_refusal_names_the_others(http, auth):
    app = Flow(http, auth.issuer)
    await app.register()
    answer = await send(http, app.client, NEW)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert all(grant_type in answer.json()["error_description"] for grant_type in GRANTS)
    assert NEW not in answer.text


def list_handlers():
    """The names of the functions in `auth/grants` that answer with tokens or a refusal."""
    for path in (Path(__file__).parents[3] / "auth" / "grants").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.AsyncFunctionDef) or node.name.startswith("_"):
                continue
            if ast.unparse(node.returns or ast.Constant(None)) == "IssuedTokens | GrantRefusal":
                yield node.name


def test_every_handler_of_a_grant_has_a_row():
    assert sorted(list_handlers()) == sorted(getattr(handler, "__name__", "") for handler in GRANTS.values())
