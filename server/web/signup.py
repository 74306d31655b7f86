"""POST /v1/auth/signup: the one route of `/v1` that takes no bearer, because it gives one."""

from typing import Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse

from auth.server import address_of
from auth.throttle import API_SIGNUPS, count_tries
from server.errors import Failure
from server.web.rest import as_json, hoisted, parsed, refusal_response
from tools.core.operation import validate
from tools.core.schema import schema
from tools.core.services import Services
from tools.signup import SignedUp, SignUp, check_open, sign_up

PATH = "/v1/auth/signup"
MAX_BODY = 16 * 1024


class SignUpEndpoint(HTTPEndpoint):
    """Answers 201 with a key, where LOCI_SIGNUP is open; other methods get 405."""

    async def post(self, request: Request) -> JSONResponse:
        """Make an account. Mistakes in the body do not count against the address; everything after them does."""
        services: Services = request.state.services
        try:
            check_open(services.settings)
            args = validate(SignUp, await _sent(request), as_text=False)
            await count_tries(services.db, [(limit, address_of(request)) for limit in API_SIGNUPS], services.now())
            made = await sign_up(services, args)
        except Failure as failure:
            return refusal_response(failure)
        return JSONResponse(made.model_dump(mode="json"), 201, {"Cache-Control": "no-store"})


async def _sent(request: Request) -> dict[str, Any]:
    if len(await request.body()) > MAX_BODY:
        raise Failure("too_large", f"The body may have at most {MAX_BODY} bytes here.")
    return await parsed(request)


def described(openapi: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with this route in it."""
    schemas = dict(openapi["components"]["schemas"])
    operation: dict[str, Any] = {
        "operationId": "sign_up",
        "summary": "Sign up",
        "description": "Make an account, a key for it and its first workspace. Takes no bearer; works where "
        "LOCI_SIGNUP is open.",
        "security": [],
        "parameters": [],
        "requestBody": as_json("The arguments.", hoisted(schema(SignUp), schemas)) | {"required": False},
        "responses": {
            "201": as_json("The answer.", hoisted(schema(SignedUp), schemas)),
            "default": as_json("A refusal.", {"$ref": "#/components/schemas/Refusal"}),
        },
    }
    components = openapi["components"] | {"schemas": schemas}
    return openapi | {"components": components, "paths": openapi["paths"] | {PATH: {"post": operation}}}
