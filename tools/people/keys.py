"""API keys: a user makes, lists, revokes and rotates their own."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from auth.bearers.api_keys import issue_key, replace_key
from auth.principal import ADMIN, READ, WRITE, expand_scopes
from server.connect_commands import make_key_command
from server.errors import Failure
from server.memory.models import Timestamp
from server.names import fold_name
from server.store.epoch import raise_epoch
from server.store.record.people import api_keys as keys
from server.store.record.people.api_keys import KeyRow
from server.store.record.people.rights import Right
from server.store.record.people.standing import hold_grounds
from server.store.record.workspaces import Workspace
from tools.core.access import find_named_workspace
from tools.core.arguments import Args, NoArgs, WorkspaceName
from tools.core.call import AccountCall
from tools.core.fields import End, Id, check_seen
from tools.core.operation import Effect, Operation
from tools.core.services import Services

#: For how long a key lives at most that was made through a token of an issuer.
EXTERNAL_LIFETIME = timedelta(days=30)

KeyScope = Literal["memory:read", "memory:write", "admin"]


class KeyView(BaseModel):
    """A key as its owner sees it: never the secret."""

    id: str = Field(description="The key's id.")
    prefix: str = Field(description="How the secret begins, to tell keys apart.")
    name: str = Field(description="Its name.")
    scopes: list[str] = Field(description="Its scopes.")
    workspace: str | None = Field(default=None, description="The one workspace it may touch; null: all of its owner's.")
    created_at: Timestamp = Field(description="When it was made.")
    expires_at: Timestamp | None = Field(default=None, description="When it ends.")
    last_used_at: Timestamp | None = Field(default=None, description="When it was last used.")
    requests_per_minute: int | None = Field(
        default=None, description="Its own limit of calls a minute; null: as many as the server allows."
    )


class CreateKey(Args):
    """The arguments of `create_key`."""

    name: Annotated[str, Field(max_length=120), AfterValidator(check_seen)] = Field(
        default="", description="The name of the key, e.g. its purpose."
    )
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=3)] = Field(
        default=[READ], description="The scopes that it grants: memory:read, memory:write."
    )
    workspace: WorkspaceName | None = Field(default=None, description="Bind it to this one workspace.")
    expires_at: End = Field(default=None, description="When it ends. ISO 8601.")
    expires_in_days: int | None = Field(
        default=None,
        ge=1,
        le=3650,
        description="The number of days until it ends, in place of expires_at.",
    )

    requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="The calls of a minute that it may send. Default, and at most: as many as you may send.",
    )

    @model_validator(mode="after")
    def _refuse_two_ends(self) -> Self:
        if self.expires_at is not None and self.expires_in_days is not None:
            raise ValueError("send expires_at or expires_in_days, not both")
        return self


class CreatedKey(KeyView):
    """A new key, with its secret: the only time it is shown."""

    api_key: str = Field(description="The secret. Keep it now; it is not shown again.")
    mcp_url: str = Field(description="The read-only recall link this key opens.")
    connect_command: str = Field(description="The command that adds the recall link to Claude Code.")


class RotatedKey(KeyView):
    """The key that took the caller's place, with its secret: the only time it is shown."""

    api_key: str = Field(description="The new secret. Send it from now on; it is not shown again.")
    key_prefix: str = Field(description="The same as `prefix`.")
    previous_key_revoked: Literal[True] = Field(default=True, description="The key you sent is refused from now on.")
    message: str = Field(description="What to do now.")


class KeyList(BaseModel):
    """The caller's keys."""

    keys: list[KeyView] = Field(description="The keys that were not revoked, newest first.")


class KeyRef(Args):
    """The arguments of `revoke_key`."""

    id: Id = Field(description="The key's id.")


class RevokedKey(BaseModel):
    """The key that was revoked."""

    id: str = Field(description="The key's id.")
    revoked: Literal[True] = Field(default=True, description="It is refused from now on.")


def _to_view_fields(row: KeyRow) -> dict[str, object]:
    shown: dict[str, object] = {name: getattr(row, name) for name in KeyView.model_fields}
    return shown | {"scopes": row.scopes.split()}


async def _find_binding(services: Services, call: AccountCall, args: CreateKey) -> Workspace | None:
    """Return the workspace that a new key is bound to: the one asked for, but never more than its maker may touch."""
    principal = call.principal
    if principal.workspace_id is not None:
        bound = await services.directory.get_workspace(principal.workspace_id)
        if bound is None or (args.workspace is not None and fold_name(args.workspace) != fold_name(bound.name)):
            raise Failure(
                "forbidden", "This key is bound to one workspace, and so are the keys it makes.", field="workspace"
            )
        return bound
    if args.workspace is None:
        return None
    named = await find_named_workspace(services, principal, args.workspace)
    wanted = named.workspace
    if isinstance(wanted, Workspace):
        return wanted
    named.demand(Right.WRITE)
    found, _ = await services.directory.ensure_workspace(wanted.account_id, wanted.name, services.encoder.generation)
    return found


def _find_limit(services: Services, call: AccountCall, asked: int | None) -> int | None:
    """Return the calls of a minute of a new key: those asked for, but never more than its maker may send."""
    own = call.principal.requests_per_minute
    most = services.rate_limit.per_minute if own is None else own
    if asked is not None and most and asked > most:
        message = f"requests_per_minute: you may send {most}, so a key that you make may send {most} at most."
        raise Failure("forbidden", message, field="requests_per_minute")
    return own if asked is None else asked


async def create_key(services: Services, call: AccountCall, args: CreateKey) -> CreatedKey:
    """Make a key that can do no more than its maker: its scopes, workspace and lifetime are not wider.

    `memory:write` mints read-only keys; anything more takes `admin`. A key made through an OAuth grant dies with it,
    and with the copy of the app that made it if a person ends that. One made through an issuer's token ends after
    `EXTERNAL_LIFETIME` at most.
    """
    now, maker = services.now(), call.principal
    # In the console a person is there, who may do all that the new key may do.
    allowed = maker.scopes if maker.via == "browser" or ADMIN in maker.scopes else {READ}
    if expand_scopes(args.scopes) - allowed:
        raise Failure(
            "forbidden",
            f"With {WRITE} you can make read-only keys; wider ones are made in the console or on the command line.",
            field="scopes",
        )
    own_limit = _find_limit(services, call, args.requests_per_minute)
    expires_at = args.expires_at if args.expires_in_days is None else now + timedelta(days=args.expires_in_days)
    if expires_at is not None and expires_at <= now:
        raise Failure("invalid", "expires_at: must lie in the future.", field="expires_at")
    # Our access tokens are renewed while their grant lives, so the grant bounds the key, and not the token's end. An
    # issuer's token has no grant here, and no issuer tells us that a person has left.
    bounds = {"api_key": maker.expires_at, "oauth": None, "issuer": now + EXTERNAL_LIFETIME, "browser": None}
    ends = bounds[maker.via]
    binding = await _find_binding(services, call, args)
    bound_to = None if binding is None else binding.id
    key_id, chain_id = maker.credential_id if maker.via == "api_key" else None, maker.chain_id
    async with services.db.write() as connection:
        if not await hold_grounds(connection, maker.user_id, bound_to, key_id=key_id, chain_id=chain_id):
            raise Failure(
                "conflict", "What you came with was ended just now, or the workspace was deleted. No key was made."
            )
        secret, row = await issue_key(
            connection,
            user_id=maker.user_id,
            scopes=sorted(set(args.scopes)),
            name=args.name,
            now=now,
            workspace_id=bound_to,
            expires_at=min(filter(None, (expires_at, ends)), default=None),
            grant_id=maker.grant_id,
            made_by=key_id or chain_id,
            requests_per_minute=own_limit,
        )
    url = f"{services.public_url}/v1/mcp"
    command = make_key_command(url, secret)
    view = _to_view_fields(row) | {"workspace": None if binding is None else binding.name}
    return CreatedKey.model_validate(view | {"api_key": secret, "mcp_url": url, "connect_command": command})


async def list_keys(services: Services, call: AccountCall, args: NoArgs) -> KeyList:  # noqa: ARG001 - a handler's signature
    """Return the caller's keys; a bound key sees only those of its workspace."""
    async with services.db.read() as connection:
        rows = await keys.list_keys(connection, call.principal.user_id)
    mine = [row for row in rows if call.principal.workspace_id in {None, row.workspace_id}]
    return KeyList(keys=[KeyView.model_validate(_to_view_fields(row)) for row in mine])


async def revoke_key(services: Services, call: AccountCall, args: KeyRef) -> RevokedKey:
    """End one of the caller's keys at once. Raises `not_found`, and `forbidden` for a key that may do more."""
    listed = await list_keys(services, call, NoArgs())
    found = next((key for key in listed.keys if key.id == args.id), None)
    if found is None:
        raise Failure("not_found", f"There is no key {args.id}.", field="id")
    if expand_scopes(found.scopes) - call.principal.scopes and call.principal.via != "browser":
        raise Failure("forbidden", "That key may do more than yours; revoke it on the command line.", field="id")
    async with services.db.write() as connection:
        revoked = await keys.revoke_key(connection, call.principal.user_id, args.id, services.now())
        await raise_epoch(connection)
    for key_id in revoked:
        services.authenticator.evict(key_id)
    return RevokedKey(id=args.id)


async def rotate_key(services: Services, call: AccountCall, args: NoArgs) -> RotatedKey:  # noqa: ARG001 - a handler's signature
    """Replace the caller's key: the old one ends and the new one begins, or nothing happens.

    Raises `forbidden` for a caller without a key, and `conflict` if the key ended meanwhile.
    """
    principal = call.principal
    if principal.via != "api_key":
        raise Failure(
            "forbidden",
            "Only API keys are rotated, and you came with an access token, which its client renews by itself. Log out "
            "and in again for a new one, or make a key with create_key.",
        )
    async with services.db.write() as connection:
        replaced = await replace_key(connection, principal.user_id, principal.credential_id, services.now())
        if replaced is None:
            raise Failure("conflict", "This key was rotated or revoked just now. Use the key that took its place.")
        await raise_epoch(connection)
    services.authenticator.evict(principal.credential_id)
    secret, row = replaced
    message = "Store this key now, it is not shown again; the one you sent is refused from now on."
    return RotatedKey.model_validate(
        _to_view_fields(row) | {"api_key": secret, "key_prefix": row.prefix, "message": message}
    )


OPERATIONS = (
    Operation(
        name="create_key",
        description=(
            "Create an API key for a script or a read-only recall link. The secret is shown once: hand it to the "
            "person and do not store it as a memory."
        ),
        routes=(("POST", "/v1/keys"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=CreateKey,
        returns=CreatedKey,
        handler=create_key,
    ),
    Operation(
        name="list_keys",
        description="List the API keys that you own, without their secrets.",
        routes=(("GET", "/v1/keys"),),
        scope="memory:read",
        effect=Effect.READ,
        args=NoArgs,
        returns=KeyList,
        handler=list_keys,
    ),
    Operation(
        name="revoke_key",
        description="Revoke one of your API keys by its id; from that moment on it and the keys it made are refused.",
        routes=(("DELETE", "/v1/keys/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=KeyRef,
        returns=RevokedKey,
        handler=revoke_key,
    ),
    Operation(
        name="rotate_key",
        description=(
            "Replace the API key that you send with a new one that has the same name, scopes, workspace and expiry; "
            "from that moment on the old one is refused. The secret is shown once. For scripts, and for a person who "
            "asks."
        ),
        routes=(("POST", "/v1/auth/rotate"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=NoArgs,
        returns=RotatedKey,
        handler=rotate_key,
        is_listed=False,
    ),
)
