"""POST /v1/auth/signup: the one route of `/v1` that takes no bearer, because it gives one."""

from typing import Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse

from auth.server import get_client_address
from auth.throttle import API_SIGNUPS, count_tries
from server.errors import Failure
from server.web.answers import read_json
from server.web.openapi import describe_arguments, describe_json, move_definitions
from tools.api_signup import NewAccount, SignUp, check_signup_is_open, sign_up
from tools.core.operation import validate
from tools.core.schema import build_schema
from tools.core.services import Services

PATH = "/v1/auth/signup"
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
        return JSONResponse(signed_up.model_dump(mode="json"), 201, {"Cache-Control": "no-store"})


async def _read_body(request: Request) -> dict[str, Any]:
    if len(await request.body()) > MAX_BODY:
        raise Failure("too_large", f"The body may have at most {MAX_BODY} bytes here.")
    return await read_json(request)


def add_to_openapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document with this route added."""
    schemas = dict(openapi["components"]["schemas"])
    operation: dict[str, Any] = {
        "operationId": "sign_up",
        "summary": "Sign up",
        "description": "Make an account, a key for it and its first workspace. Takes no bearer; works if "
        "LOCI_SIGNUP is open.",
        "security": [],
        "parameters": [],
        "requestBody": describe_json("The arguments.", describe_arguments(SignUp, schemas)) | {"required": False},
        "responses": {
            "201": describe_json("The answer.", move_definitions(build_schema(NewAccount), schemas)),
            "default": describe_json("A refusal.", {"$ref": "#/components/schemas/Refusal"}),
        },
    }
    components = openapi["components"] | {"schemas": schemas}
    return openapi | {"components": components, "paths": openapi["paths"] | {PATH: {"post": operation}}}
