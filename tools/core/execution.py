"""The one way to execute an operation. A tool and its REST mirror cannot drift, because both doors call it."""

from typing import Any, TypeVar

from pydantic import BaseModel

from auth.principal import READ, Principal
from server.errors import Failure
from server.names import fold_name
from server.storable import make_storable
from server.store.audit.entry import EffectName
from server.store.record.journal import Actor
from server.store.record.people.rights import Right
from server.store.record.workspaces import MissingWorkspace, check_new_name
from tools.core.access import FoundWorkspace, find_named_workspace, find_right
from tools.core.arguments import Args, InWorkspace, validate, validate_request
from tools.core.auditing import note_answer, note_failure
from tools.core.call import AccountCall, Call, Door
from tools.core.dialect import Request
from tools.core.fields import WorkspaceNames
from tools.core.input.plain_arguments import refuse_unstorable_arguments
from tools.core.input.refusals import with_spelling
from tools.core.input.screening import list_problems, redact, screen, write_notice
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.store_refusals import refusals_as_failures
from tools.core.trace import Trace

A = TypeVar("A", bound=Args)


async def execute_operation(operation: Operation, services: Services, door: Door, raw: dict[str, Any]) -> BaseModel:
    """Authorize a request, validate it, find its workspace, and execute it. No door has another way in.

    Raises:
        Failure: a refusal, with a message for the caller. A refused call stores nothing.
    """
    trace = Trace(operation.name, operation.effect.value)
    try:
        answer = await _translate_and_execute(operation, services, door, raw, trace)
    except BaseException as error:
        note_failure(services, door, trace, error)
        raise
    await note_answer(services, door, trace, answer)
    return answer


async def _translate_and_execute(
    operation: Operation, services: Services, door: Door, raw: dict[str, Any], trace: Trace
) -> BaseModel:
    principal = door.principal
    _demand_scope(principal, operation.name, operation.scope)
    services.rate_limit.spend(principal.credential_id, principal.requests_per_minute)
    await services.meter.admit(principal.account_id, stores=operation.stores and not operation.args.reads_first)
    sent = raw | _read_peeks(operation, door)
    if operation.args.cleans_itself:
        sent = {name: each if name == "workspace" else make_storable(each) for name, each in sent.items()}
    refuse_unstorable_arguments(operation.args, sent)
    try:
        request = operation.dialect.translate(sent)
        answer = await _execute_request(operation, services, door, request, trace)
    except Failure as failure:
        if operation.dialect.reword_refusal is None:
            raise
        raise operation.dialect.reword_refusal(failure) from None
    return answer if request.reword_answer is None else request.reword_answer(answer)


async def _execute_request(
    operation: Operation, services: Services, door: Door, request: Request, trace: Trace
) -> BaseModel:
    """Validate a request in our words, find its workspace, and execute it. A refusal names a field as the client did.

    Raises:
        Failure: a refusal.
    """
    args = validate_request(operation.args, request.arguments, request.spellings)
    actor = _make_actor(operation.name, door)
    try:
        with refusals_as_failures():
            if operation.is_in_workspace:
                found = await _find_workspace(services, door, args)
                trace.workspace, trace.is_journaled = found.workspace, True
                found.demand(Right.WRITE if operation.writes else Right.READ)
                call = Call(door.principal, actor, trace.workspace)
                return await _execute_in_workspace(operation, services, call, args)
            return await operation.handler(services, AccountCall(door.principal, actor, trace=trace), args)
    except Failure as failure:
        if failure.problems or failure.figures:
            raise
        raise with_spelling(failure, request.spellings) from None


async def open_call(
    name: str,
    scope: str,
    model: type[A],
    services: Services,
    door: Door,
    raw: dict[str, Any],
    effect: EffectName = "read",
) -> tuple[Call, A]:
    """Authorize and validate a request that is no operation, because it is or answers a stream; find its workspace.

    The request is noted in the audit when it begins.

    Raises:
        Failure: a refusal, with a message for the caller.
    """
    trace = Trace(name, effect)
    try:
        actor, args = await _check_request(name, scope, model, services, door, raw)
        with refusals_as_failures():
            found = await _find_workspace(services, door, args)
            trace.workspace, trace.is_journaled = found.workspace, True
            found.demand(Right.READ if scope == READ else Right.WRITE)
    except BaseException as error:
        note_failure(services, door, trace, error)
        raise
    await note_answer(services, door, trace, None)
    return Call(door.principal, actor, trace.workspace), args


async def open_account_call(
    name: str, scope: str, model: type[A], services: Services, door: Door, raw: dict[str, Any]
) -> tuple[AccountCall, A]:
    """Authorize and validate a request as `open_call` does, if it is in no workspace.

    Raises:
        Failure: a refusal, with a message for the caller.
    """
    trace = Trace(name, "read")
    try:
        actor, args = await _check_request(name, scope, model, services, door, raw)
    except BaseException as error:
        note_failure(services, door, trace, error)
        raise
    await note_answer(services, door, trace, None)
    return AccountCall(door.principal, actor, trace=trace), args


async def _check_request(
    name: str, scope: str, model: type[A], services: Services, door: Door, raw: dict[str, Any]
) -> tuple[Actor, A]:
    _demand_scope(door.principal, name, scope)
    principal = door.principal
    services.rate_limit.spend(principal.credential_id, principal.requests_per_minute)
    await services.meter.admit(principal.account_id, stores=False)
    return _make_actor(name, door), validate(model, raw)


def _make_actor(operation: str, door: Door) -> Actor:
    caller = door.principal
    return Actor(caller.user_id, caller.credential_id, operation, door.request_id, caller.client_id)


def _demand_scope(principal: Principal, name: str, scope: str) -> None:
    if scope not in principal.scopes:
        needed = tuple(sorted({*(principal.scopes - {"admin"}), scope}))
        raise Failure("insufficient_scope", f"{name} needs the scope {scope}.", scopes=needed)


async def _execute_in_workspace(operation: Operation, services: Services, call: Call, args: Args) -> BaseModel:
    """Execute an operation in its workspace. The texts that it stores are screened for credentials first."""
    is_screened = operation.effect in {Effect.CREATE, Effect.UPDATE} and not args.cleans_itself
    if not is_screened or not (found := await screen(args)).kinds:
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


async def _find_workspace(services: Services, door: Door, args: Args) -> FoundWorkspace:
    """The workspace of a call: the credential's, else the argument's, else the connection's, else the user's default.

    A missing one is not made here: see `ensure_workspace`. But a connection that names a missing one is refused at its
    first request if the account's plan allows no more, and not at its first write.
    """
    principal = door.principal
    named: str | None = getattr(args, "workspace", None)
    asked = named or _read_connection_workspace(door)
    if principal.workspace_id is not None:
        return await _find_bound_workspace(services, principal, principal.workspace_id, asked)
    found = await find_named_workspace(services, principal, asked)
    if isinstance(found.workspace, MissingWorkspace):
        check_new_name(found.workspace.name)
        if asked is not None and named is None:
            async with services.db.read() as connection:
                await services.plans.check_room(connection, found.workspace.account_id, "workspaces")
    return found


def _read_connection_workspace(door: Door) -> str | None:
    """The workspace that the connection names, under the same rules as the argument."""
    if door.workspace is None:
        return None
    return validate(InWorkspace, {"workspace": door.workspace}).workspace


async def _find_bound_workspace(
    services: Services, principal: Principal, workspace_id: str, asked: str | None
) -> FoundWorkspace:
    bound = await services.directory.get_workspace(workspace_id)
    right = None if bound is None else await find_right(services.db, principal, bound)
    if bound is None or right is None:
        message = "This key is bound to a workspace that was deleted, or that you may not use any more. Make a new key."
        raise Failure("forbidden", message)
    if asked is not None and fold_name(asked) != fold_name(bound.name):
        place = await services.directory.locate_workspace(principal.user_id, principal.account_id, asked)
        if (place[0], fold_name(place[1])) != (bound.account_id, fold_name(bound.name)):
            raise Failure("forbidden", f"This key is bound to the workspace {bound.name!r}.", field="workspace")
    return FoundWorkspace(bound, right)
