"""Signing up by a program: the one call of `/v1` that takes no bearer, because it gives one.

Memento's clients call it at `/v1/auth/signup`, those of Context Memory at `/v1/signup` or `/signup`.
"""

from typing import Any

from starlette.datastructures import Headers
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match, Route
from starlette.types import Scope

from auth.acts import Holder
from auth.server import get_authorization_server, get_client_address
from auth.throttle import API_SIGNUPS, count_tries
from server.errors import Failure
from server.store.record.people.accounts import get_user
from server.web.answers import read_json
from server.web.openapi import add_paths, describe_arguments, describe_json, describe_refusal, move_definitions
from tools.core.arguments import validate
from tools.core.schema import build_schema
from tools.core.services import Services
from tools.people.api_signup import NewAccount, SignUp, check_signup_is_open, sign_up

PATHS = ("/v1/auth/signup", "/v1/signup")
#: A page is there, too, which takes forms.
PAGE_PATH = "/signup"
MAX_BODY = 16 * 1024


class SignUpEndpoint(HTTPEndpoint):
    """Answers 201 with a key if LOCI_SIGNUP is open. Other methods get 405."""

    async def post(self, request: Request) -> JSONResponse:
        """Make an account. A mistake in the body does not count against the address; everything after that does."""
        services: Services = request.state.services
        check_signup_is_open(services)
        args = validate(SignUp, await _read_body(request))
        await count_tries(services.db, [(limit, get_client_address(request)) for limit in API_SIGNUPS], services.now())
        signed_up = await sign_up(services, args)
        async with services.db.read() as connection:
            user = await get_user(connection, signed_up.user_id)
        if user is not None:
            who = Holder(user.id, user.account_id, user.id, via="api_key")
            await get_authorization_server(request).acts.note(request, "sign_up", who, door="rest")
        return JSONResponse(signed_up.model_dump(mode="json"), 201, {"Cache-Control": "no-store"})


class JsonRoute(Route):
    """A route that takes only requests with a body of JSON, and leaves the others to the routes behind it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the path, the method and the type of the body fit."""
        media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        if scope.get("method") != "POST" or media_type != "application/json":
            return Match.NONE, {}
        return super().matches(scope)


async def _read_body(request: Request) -> dict[str, Any]:
    if len(await request.body()) > MAX_BODY:
        raise Failure("too_large", f"The body may have at most {MAX_BODY} bytes here.")
    return await read_json(request)


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with these routes added."""
    schemas = dict(openapi["components"]["schemas"])
    operation: dict[str, Any] = {
        "summary": "Sign up",
        "description": "Make an account, a key for it and its first workspace. Takes no bearer; works if "
        "LOCI_SIGNUP is open.",
        "security": [],
        "parameters": [],
        "requestBody": describe_json("The arguments.", describe_arguments(SignUp, schemas)) | {"required": False},
        "responses": {
            "201": describe_json("The answer.", move_definitions(build_schema(NewAccount), schemas)),
            "default": describe_refusal(),
        },
    }
    ids = dict(zip(PATHS, ("sign_up", "sign_up_2"), strict=True))
    added = {path: {"post": {"operationId": ids[path]} | operation} for path in PATHS}
    return add_paths(openapi, added, schemas)
