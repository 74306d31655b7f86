"""One definition per operation, and the one way to run it.

A tool and its REST mirror cannot drift, because both are generated from the same row and both call `run`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.principal import Principal
from server.errors import Failure, Problem, make_invalid_failure
from server.names import fold_name
from server.storable import refuse_unstorable
from server.store.record.journal import Actor
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.dialect import Dialect
from tools.core.fields import WorkspaceNames
from tools.core.plain_arguments import read_arguments, refuse_unstorable_arguments
from tools.core.refusals import failure_from_validation, with_spelling
from tools.core.screening import list_problems, redact, screen, write_notice
from tools.core.services import Services
from tools.core.store_refusals import refusals_as_failures

WORKSPACE_PATTERN = r"^[^/\x00-\x1f]+(/[^/\x00-\x1f]+)?$"
WorkspaceName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=201, pattern=WORKSPACE_PATTERN)
]


class Effect(Enum):
    """The change that an operation makes to the store. MCP annotations and HTTP success statuses follow from it."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Args(BaseModel):
    """The arguments of an operation. Unknown fields are refused.

    `answered_fields` has the fields that only answers have, so that an answer can be sent back: each with the argument
    that it stands for unless that is sent as well, or with None, and then it is left out.
    """

    answered_fields: ClassVar[Mapping[str, str | None]] = {}
    model_config = ConfigDict(extra="forbid")

    def leave_out(self, problems: Sequence[Problem]) -> Self:
        """Return the arguments without the parts that have problems; by default no argument has such parts.

        Raises:
            Failure: `invalid`, with every problem.
        """
        raise make_invalid_failure(problems)


A = TypeVar("A", bound=Args)


class NoArgs(Args):
    """The arguments of an operation that takes none."""


class InWorkspace(Args):
    """The arguments of an operation in a workspace."""

    workspace: WorkspaceName | None = Field(
        default=None,
        description="The workspace. Default: the connection's own. `account/name` names another account's.",
    )


class Meta(BaseModel):
    """About an answer: its workspace, and a notice."""

    workspace: str = Field(description="The workspace this answer is about.")
    workspace_exists: bool = Field(default=True, description="False if the workspace does not exist yet.")
    notice: str | None = Field(
        default=None, description="A fact to know about this answer, e.g. that it ranks by words only."
    )


class Answer(BaseModel):
    """The answer of an operation in a workspace."""

    meta: Meta = Field(description="About this answer.")


class AnswerText(BaseModel):
    """An answer in words only, which MCP passes on as text, and not as JSON."""

    text: str = Field(description="The answer in words.")
    meta: Meta = Field(description="About this answer.")


class AnswerImage(AnswerText):
    """A picture, which MCP passes on as an image beside the text."""

    filename: str = Field(description="The picture's name.")
    mimetype: str = Field(description="Its media type.")
    size: int = Field(description="Its size in bytes.")
    data: SkipJsonSchema[bytes] = Field(exclude=True, repr=False)


@dataclass(frozen=True, slots=True)
class Door:
    """The facts that a door knows about a request, beside its arguments."""

    principal: Principal
    request_id: str
    #: The workspace that the connection names: the header, else the connector URL's query.
    workspace: str | None = None
    #: The other workspaces that the connection wants to search as well: a list, or one text with commas between them.
    peek: str | list[str] | None = None


@dataclass(frozen=True, slots=True)
class AccountCall:
    """One validated call of an operation on an account, as its handler sees it."""

    principal: Principal
    actor: Actor


@dataclass(frozen=True, slots=True)
class Call(AccountCall):
    """One validated call of an operation in a workspace, as its handler sees it."""

    workspace: Workspace | MissingWorkspace

    @property
    def id_for_reading(self) -> str:
        """The workspace's id, for statements that find rows; of a missing workspace "", the id of no workspace.

        To insert rows, take the workspace from `ensure_workspace`.
        """
        return self.workspace.id if isinstance(self.workspace, Workspace) else ""

    @property
    def meta(self) -> Meta:
        """The answer's `meta`, without a notice."""
        return build_meta(self.workspace)

    def build_meta(self, notice: str | None) -> Meta:
        """The answer's `meta`, with a notice."""
        return build_meta(self.workspace, notice)


@dataclass(frozen=True, slots=True)
class PlacedCall(Call):
    """A call in a workspace that exists: see `ensure_workspace`."""

    workspace: Workspace


def build_meta(workspace: Workspace | MissingWorkspace, notice: str | None = None) -> Meta:
    """The `meta` of an answer about a workspace."""
    return Meta(workspace=workspace.name, workspace_exists=isinstance(workspace, Workspace), notice=notice)


#: Its call is a `Call` if the operation is in a workspace, else an `AccountCall`; its arguments are the row's `args`.
Handler = Callable[[Services, Any, Any], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that the product does: its arguments, its answer, its routes and its handler.

    One that is not `is_listed` can be called and is not shown to models, which do worse with many tools. The catalogue
    sets `dialect`, the words of other systems' clients.
    """

    name: str
    description: str
    routes: tuple[tuple[str, str], ...]
    scope: Literal["memory:read", "memory:write", "admin"]
    effect: Effect
    args: type[Args]
    returns: type[BaseModel]
    handler: Handler
    is_listed: bool = True
    dialect: Dialect = field(default_factory=Dialect)

    @property
    def title(self) -> str:
        """The name as people read it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def is_in_workspace(self) -> bool:
        """Whether it is about a workspace, as most are, rather than about an account."""
        return issubclass(self.args, InWorkspace)


async def run(operation: Operation, services: Services, door: Door, raw: dict[str, Any]) -> BaseModel:
    """Authorize a request, validate it, find its workspace, and execute it. No door has another way in.

    Raises:
        Failure: a refusal, with a message for the caller. A refused call stores nothing.
    """
    principal = door.principal
    _demand_scope(principal, operation.name, operation.scope)
    services.rate_limit.spend(principal.credential_id)
    sent = raw | _read_peeks(operation, door)
    refuse_unstorable_arguments(operation.args, sent)
    request = operation.dialect.translate(sent)
    args = _validate(operation.args, request.arguments, request.spellings)
    actor = Actor(principal.user_id, principal.credential_id, operation.name, door.request_id)
    with refusals_as_failures():
        if operation.is_in_workspace:
            answer = await _run_in_workspace(operation, services, door, args, actor)
        else:
            answer = await operation.handler(services, AccountCall(principal, actor), args)
    return answer if request.reword_answer is None else request.reword_answer(answer)


async def open_call(
    name: str, scope: str, model: type[A], services: Services, door: Door, raw: dict[str, Any]
) -> tuple[Call, A]:
    """Authorize and validate a request that is no operation, because its answer is a stream, and find its workspace.

    Raises:
        Failure: a refusal, with a message for the caller.
    """
    _demand_scope(door.principal, name, scope)
    services.rate_limit.spend(door.principal.credential_id)
    args = validate(model, raw)
    actor = Actor(door.principal.user_id, door.principal.credential_id, name, door.request_id)
    with refusals_as_failures():
        return Call(door.principal, actor, await _find_workspace(services, door, args)), args


def _demand_scope(principal: Principal, name: str, scope: str) -> None:
    if scope not in principal.scopes:
        needed = tuple(sorted({*(principal.scopes - {"admin"}), scope}))
        raise Failure("insufficient_scope", f"{name} needs the scope {scope}.", scopes=needed)


async def _run_in_workspace(
    operation: Operation, services: Services, door: Door, args: Args, actor: Actor
) -> BaseModel:
    """Execute an operation in its workspace. What it stores is screened for credentials first."""
    call = Call(door.principal, actor, await _find_workspace(services, door, args))
    if operation.effect not in {Effect.CREATE, Effect.UPDATE} or not (found := await screen(args)).kinds:
        return await operation.handler(services, call, args)
    rule = call.workspace.settings.secrets
    if rule == "redact":
        args = redact(args, found.redacted)
    elif rule == "refuse":
        return await operation.handler(services, call, args.leave_out(list_problems(found.kinds)))
    return _with_notice(await operation.handler(services, call, args), write_notice(found.kinds, rule))


def _with_notice(answer: Any, notice: str) -> BaseModel:
    notices = [each for each in (answer.meta.notice, notice) if each]
    return answer.model_copy(update={"meta": answer.meta.model_copy(update={"notice": " ".join(notices)})})


class _Peek(Args):
    """The other workspaces that a connection names."""

    peek_workspaces: WorkspaceNames


def _read_peeks(operation: Operation, door: Door) -> dict[str, Any]:
    """The other workspaces that the connection names. They win over the argument, as Memento's clients expect."""
    if door.peek is None:
        return {}
    if "peek_workspaces" not in operation.args.model_fields:
        validate(_Peek, {"peek_workspaces": door.peek})
        raise Failure(
            "invalid",
            f"peek_workspaces: {operation.name} looks into one workspace only; leave it out.",
            field="peek_workspaces",
        )
    return {"peek_workspaces": door.peek}


def validate(model: type[A], raw: dict[str, Any]) -> A:
    """Read arguments for what they plainly say, and validate them.

    Raises:
        Failure: `invalid`; the message names the field and its bound, and says what to send instead.
    """
    refuse_unstorable(raw)
    return _validate(model, raw)


def _validate(model: type[A], arguments: dict[str, Any], spellings: Mapping[str, str] = {}) -> A:
    try:
        return model.model_validate(read_arguments(model, arguments), strict=True)
    except ValidationError as error:
        raise failure_from_validation(error, model, spellings) from None
    except Failure as failure:
        raise with_spelling(failure, spellings) from None


async def _find_workspace(services: Services, door: Door, args: Args) -> Workspace | MissingWorkspace:
    """The workspace of a call: the credential's, else the argument's, else the connection's, else the user's default.

    A missing one is not made here: see `ensure_workspace`. But a connection that names a missing one is refused at its
    first request if the account's plan allows no more, and not at its first write.
    """
    principal = door.principal
    named: str | None = getattr(args, "workspace", None)
    asked = named or _read_connection_workspace(door)
    if principal.workspace_id is not None:
        return await _find_bound_workspace(services, principal, principal.workspace_id, asked)
    account_id, name = await services.directory.locate_workspace(principal.user_id, principal.account_id, asked)
    found = await services.directory.find_workspace(account_id, name)
    if found is not None:
        return found
    if asked is not None and named is None:
        async with services.db.read() as connection:
            await services.plans.check_room(connection, account_id, "workspaces")
    return MissingWorkspace(account_id, name)


def _read_connection_workspace(door: Door) -> str | None:
    """The workspace that the connection names, under the same rules as the argument."""
    if door.workspace is None:
        return None
    return validate(InWorkspace, {"workspace": door.workspace}).workspace


async def _find_bound_workspace(
    services: Services, principal: Principal, workspace_id: str, asked: str | None
) -> Workspace:
    bound = await services.directory.get_workspace(workspace_id)
    if bound is None:
        raise Failure("forbidden", "This key is bound to a workspace that was deleted. Make a new key.")
    if asked is None or fold_name(asked) == fold_name(bound.name):
        return bound
    place = await services.directory.locate_workspace(principal.user_id, principal.account_id, asked)
    if (place[0], fold_name(place[1])) != (bound.account_id, fold_name(bound.name)):
        raise Failure("forbidden", f"This key is bound to the workspace {bound.name!r}.", field="workspace")
    return bound


async def ensure_workspace(connection: AsyncConnection, services: Services, call: Call) -> PlacedCall:
    """The call in a workspace that exists: a missing one is made in the caller's transaction.

    So a request that is refused makes no workspace: its transaction is undone, and the workspace with it.

    Raises:
        Failure: `quota_exceeded` if the account's plan allows no more workspaces.
    """
    workspace = call.workspace
    if isinstance(workspace, MissingWorkspace):
        workspace, _ = await services.plans.ensure_workspace(
            connection, workspace.account_id, workspace.name, services.encoder.generation, services.now()
        )
    return PlacedCall(call.principal, call.actor, workspace)
