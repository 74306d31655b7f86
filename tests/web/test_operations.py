"""Rules that hold for every row of the catalogue, those that are still to be written too."""

import itertools
import json
import re
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel
from starlette.routing import Route

from auth.bearers.guard import Guard
from server.app import create_app, describe_api
from server.web import discovery, everything, export, image_endpoint, import_endpoint, live, public, signup_endpoint
from server.web.browser_page import BrowserPage
from tests.helpers.arguments import NEED_INVITATIONS, NEED_LANGUAGE_MODEL, VALID
from tests.helpers.capture.jobs import finish_jobs
from tests.helpers.doors import call_rest, call_tool, drop_nulls
from tests.helpers.operation_calls import OperationCalls
from tools import catalog
from tools.compat import claude_mem, claude_mem_capture, memento, min_memory, recall_link
from tools.compat.dialects import list_unsupported_arguments
from tools.compat.translation import PROJECT
from tools.core.arguments import Args
from tools.core.operation import Effect, Operation
from tools.core.schema import build_schema

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parent.parent
EVERY = pytest.mark.parametrize("operation", [*catalog.OPERATIONS, *recall_link.OPERATIONS], ids=lambda each: each.name)
#: The routes under /v1 that are no operation, and why.
NO_OPERATION = {
    "/v1/mcp": "the recall link is MCP",
    "/v1/mcp/": "the same, as people paste it",
    "/v1/mcp/.well-known/oauth-authorization-server": "where some clients look for the way in",
    "/v1/mcp/.well-known/openid-configuration": "as above",
    "/v1/{path:path}": "what is not there",
    **dict.fromkeys(signup_endpoint.PATHS, "nobody is asking yet"),
    export.PATH: "the answer is a stream",
    everything.PATH: "the answer is a stream",
    import_endpoint.PATH: "the body is a file",
    image_endpoint.PATH: "the answer is a picture",
    live.PATH: "the answer is a stream",
    public.INFO_PATH: "nobody is asking yet",
}
SCOPES = {"memory:read", "memory:write", "admin"}


@pytest.fixture(scope="module")
def calls():
    return OperationCalls(path.read_text() for path in TESTS.rglob("test_*.py"))


def test_a_row_has_at_most_ten_fields():
    assert len(fields(Operation)) <= 10


def test_names_and_routes_are_there_once():
    names = [each.name for each in catalog.OPERATIONS]
    routes = [route for each in catalog.OPERATIONS for route in each.routes]
    assert len(set(names)) == len(names)
    assert len(set(routes)) == len(routes)
    with pytest.raises(ValueError, match="two operations are named search"):
        catalog.index_by_name([catalog.CANONICAL["search"]] * 2)


@EVERY
def test_a_row_is_whole(operation):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation.name)
    assert operation.scope in SCOPES
    assert issubclass(operation.args, Args)
    assert operation.args.model_config.get("extra") == "forbid"
    assert operation.is_in_workspace == ("meta" in operation.returns.model_fields)
    assert (operation.scope == "memory:read") == (operation.effect is Effect.READ)


@EVERY
def test_every_operation_is_called_by_a_test(operation, calls):
    assert calls.has_call(operation)


def test_neither_prose_nor_another_route_is_a_call_of_an_operation():
    fetch, listing = catalog.CANONICAL["fetch"], catalog.CANONICAL["list_memories"]
    assert OperationCalls(['await ann.call("fetch", {"id": other})']).has_call(fetch)
    assert OperationCalls(['PATH = "/v1/memories"\nhttp.get(f"{PATH}/{id}?a=b")']).has_call(fetch)
    assert not OperationCalls(['"""fetch"""\nnames = ["fetch"]\nhttp.delete(f"/v1/memories/{id}")']).has_call(fetch)
    assert not OperationCalls(['http.get("/v1/memories/recent")\nhttp.post("/v1/memories")']).has_call(listing)


@EVERY
def test_a_description_is_for_the_model_and_a_docstring_for_the_engineer(operation):
    assert len(operation.description.split()) >= 6
    assert operation.description[0].isupper()
    assert operation.description.endswith(".")
    assert operation.handler.__doc__
    assert operation.handler.__doc__ != operation.description


@EVERY
def test_every_field_of_an_answer_is_described_and_what_may_be_null_may_be_absent(operation):
    for model in models_in(operation.returns):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            if type(None) in getattr(field.annotation, "__args__", ()):
                assert not field.is_required(), f"{model.__name__}.{name}: MCP leaves null out"


def models_in(annotation):
    """The models that an answer is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for each in getattr(annotation, "__args__", ()):
        yield from models_in(each)


async def test_every_route_under_v1_is_an_operation_or_on_the_list(shared):
    operations = {path for each in catalog.OPERATIONS for _, path in each.routes}
    app = create_app(shared.running)._app  # noqa: SLF001 - the Starlette application inside the entrance
    served = {route.path for route in app.routes if isinstance(route, Route) and route.path.startswith("/v1")}
    assert served == operations | set(NO_OPERATION)
    for route in app.routes:
        is_open = "/.well-known/" in route.path or route.path in {
            *signup_endpoint.PATHS,
            *discovery.CARD_PATHS,
            public.INFO_PATH,
        }
        if route.path.startswith(("/v1", "/mcp")) and not is_open:
            endpoint = route.app.app if isinstance(route.app, BrowserPage) else route.app
            assert isinstance(endpoint, Guard), f"{route.path} is not guarded"


@EVERY
def test_an_operation_with_no_route_is_on_the_recall_link_only(operation):
    assert operation.routes or operation in recall_link.OPERATIONS


@pytest.fixture
def openapi():
    return describe_api("http://127.0.0.1:8080")


async def test_the_openapi_document_is_served_to_anyone(shared):
    response = await shared.client().get("/openapi.json")
    assert response.json() == describe_api(shared.url)


def test_openapi_describes_every_route_and_no_other(openapi):
    described = {(method.upper(), path) for path, methods in openapi["paths"].items() for method in methods}
    operations = {route for each in catalog.OPERATIONS for route in each.routes}
    assert described == operations | {
        *(("POST", path) for path in signup_endpoint.PATHS),
        ("GET", export.PATH),
        ("GET", everything.PATH),
        ("POST", import_endpoint.PATH),
        ("GET", image_endpoint.PATH),
        ("GET", live.PATH),
    }
    ids = [each["operationId"] for methods in openapi["paths"].values() for each in methods.values()]
    assert len(set(ids)) == len(ids)


def test_openapi_has_the_form_of_3_1(openapi):
    assert openapi["openapi"] == "3.1.0"
    for path, methods in openapi["paths"].items():
        for method, each in methods.items():
            assert set(each["responses"]) <= {"200", "201", "default"}
            in_path = [p["name"] for p in each["parameters"] if p["in"] == "path"]
            assert in_path == re.findall(r"{(\w+)}", path)
            assert all(p["required"] for p in each["parameters"] if p["in"] == "path")
            assert ("requestBody" in each) == (method in {"post", "put", "patch"})
            names = [(p["in"], p["name"]) for p in each["parameters"]]
            assert len(set(names)) == len(names)


def test_every_reference_in_openapi_leads_somewhere_and_every_schema_is_one(openapi):
    text = json.dumps(openapi)
    assert "$defs" not in text
    for name in re.findall(r'"\$ref": "#/components/schemas/(\w+)"', text):
        assert name in openapi["components"]["schemas"]
    assert text.count('"$ref"') == len(re.findall(r'"\$ref": "#/components/schemas/\w+"', text))
    for each in openapi["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(each)


@pytest.mark.parametrize("name", catalog.CANONICAL)
async def test_what_a_route_answers_is_what_openapi_says(admin, openapi, name):
    """Refusals too: of an id that nothing has, by the operations that need one."""
    (method, path), *_ = catalog.CANONICAL[name].routes
    answer = await call_rest(admin, name, VALID.get(name, {}))
    responses = openapi["paths"][path][method.lower()]["responses"]
    described = responses.get(str(answer.status), responses["default"])["content"]["application/json"]["schema"]
    refusals = {503} if name in NEED_LANGUAGE_MODEL else {403} if name in NEED_INVITATIONS else {400, 404}
    assert answer.error is None or answer.status in refusals
    jsonschema.validate(answer.body, described | {"components": openapi["components"]})


#: What is read by administrators of the server alone.
OF_ADMINISTRATORS = {"list_users", "list_usage", "list_findings"}
READS = {name for name, each in catalog.CANONICAL.items() if each.effect is Effect.READ} - OF_ADMINISTRATORS


@pytest.mark.parametrize("name", sorted(READS))
async def test_both_doors_answer_a_read_alike(site, cat, name):
    memory_id = await cat.store("Tea", tags=["a"], metadata={"none": None})
    item_id = (await call_rest(cat, "add_item", VALID["add_item"])).body["id"]
    await call_rest(cat, "add_skip", VALID["add_skip"])
    arguments = VALID.get(name, {})
    session = (await call_rest(cat, "start_session", {"metadata": {"none": None}})).body["session"]["id"]
    event = (await call_rest(cat, "record_event", VALID["record_event"] | {"session_id": session})).body
    own = {"read_item": item_id, "read_project": "default", "read_session": session}
    own |= dict.fromkeys(("read_event", "list_event_observations"), event["event"]["id"])
    own |= {"read_job": event["generationJob"]["id"]}
    own |= {"read_entity": (await call_rest(cat, "add_entity", VALID["add_entity"])).body["entity"]["id"]}
    own |= {"read_import": (await cat.http.post("/v1/import", json={"content": "Tea"})).json()["run"]}
    own |= {"list_members": cat.account_id, "list_invitations": cat.account_id}
    own |= {"list_shares": (await call_rest(cat, "list_workspaces", {})).body["workspaces"][0]["id"]}
    own |= {"read_receipt": (await call_rest(cat, "purge_memories", {"project": "vega"})).body["receipt"]}
    if "id" in arguments:
        arguments = arguments | {"id": own.get(name, memory_id)}
    if "memory_id" in arguments:
        arguments = arguments | {"memory_id": memory_id}
    await finish_jobs(site.services)  # else the loop may do one between the two reads
    over_rest = (await call_rest(cat, name, arguments)).body
    if catalog.CANONICAL[name].dialect.to_text:
        del over_rest["content"]
    over_mcp = (await call_tool(cat, name, arguments)).body
    assert over_mcp == drop_nulls(over_rest)


@pytest.mark.parametrize("operation", catalog.OPERATIONS, ids=lambda each: each.name)
def test_a_schema_shows_no_argument_of_another_system(operation):
    named = [system.NAMES.get(operation.name, {}) for system in (memento, min_memory, claude_mem, claude_mem_capture)]
    theirs = {*itertools.chain(*named), *list_unsupported_arguments(operation.name), *PROJECT}
    assert not theirs & set(build_schema(operation.args)["properties"])
