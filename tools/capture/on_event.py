"""The one tool that an agent's hooks call: it captures an event, and answers what the agent is told.

It never fails the agent. A failure below is logged, and the answer is empty.
"""

import structlog
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from tools.capture.added_context import AddedContext, add_context
from tools.capture.hooks import HookKind, OnEvent, capture_hook, find_hook_kind, name_platform, read_hook
from tools.capture.wire import Wire
from tools.core.answers import Meta
from tools.core.call import Call
from tools.core.operation import Effect, Operation
from tools.core.services import Services

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class HookOutput(Wire):
    """The words that reach the model."""

    hook_event_name: str = Field(description="The name of the event, as it was sent.")
    additional_context: str = Field(description="The words for the agent. Data, not instructions.")


class HookAnswer(Wire):
    """The answer of a hook. It has one field at most, because some clients take no other."""

    hook_specific_output: HookOutput | None = Field(
        default=None,
        exclude_if=lambda output: output is None,
        description="The words for the agent; absent if there is nothing to tell.",
    )
    cursor_context: str | None = Field(
        default=None,
        serialization_alias="additional_context",
        exclude_if=lambda context: context is None,
        description="The words for the agent, in the form of Cursor.",
    )
    meta: SkipJsonSchema[Meta | None] = Field(default=None, exclude=True, description="About this answer.")


async def on_event(services: Services, call: Call, args: OnEvent) -> HookAnswer:
    """Capture an event of an agent's hook, and return what the agent is told with a prompt and at a session's start.

    An event that is unknown or lacks its fields is answered with nothing.
    """
    kind, added = find_hook_kind(args.event), AddedContext()
    if kind != "other":
        try:
            added = await _take_event(services, call, args, kind)
        except Exception:
            log.exception("hook.failed", event_name=args.event, request_id=call.actor.request_id)
    if not added.texts:
        return HookAnswer(meta=call.meta)
    text = "\n\n".join(added.texts)
    if name_platform(args) == "cursor":
        return HookAnswer(cursor_context=text, meta=call.meta)
    output = HookOutput(hook_event_name=args.event or "", additional_context=text)
    return HookAnswer(hook_specific_output=output, meta=call.meta)


async def _take_event(services: Services, call: Call, args: OnEvent, kind: HookKind) -> AddedContext:
    """Find what the agent is told, and store the event. If one of them fails, the other one is done all the same."""
    hook, added = await read_hook(services, call, args, kind), AddedContext()
    if hook.reaches_agent:
        try:
            added = await add_context(
                services, call, args.prompt or "", hook.heard, hook.place, is_beginning=hook.is_beginning
            )
        except Exception:
            log.exception("hook.nothing_told", event_name=args.event, request_id=call.actor.request_id)
    try:
        await capture_hook(services, call, hook, added)
    except Exception:
        log.exception("hook.not_captured", event_name=args.event, request_id=call.actor.request_id)
    return added


OPERATIONS = (
    Operation(
        name="on_event",
        description=(
            "For an agent's hooks, not for models: takes an event as the hook has it, captures it, and answers in the "
            "hook's own form what the agent should know now."
        ),
        routes=(("POST", "/v1/hooks"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=OnEvent,
        returns=HookAnswer,
        handler=on_event,
        is_listed=False,
    ),
)
