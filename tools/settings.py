"""The settings of a workspace: of recall, of how memories fade, and of the skip list."""

from contextlib import suppress
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from server.errors import Failure
from server.memory.models import Timestamp
from server.memory.settings import DEFAULTS, WorkspaceSettings
from server.storable import load_json, refuse_unstorable
from server.store.epoch import raise_epoch
from server.store.record import settings
from server.store.record.workspaces import Workspace
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call, ensure_workspace
from tools.core.fields import Name
from tools.core.input.refusals import failure_from_validation
from tools.core.operation import Effect, Operation
from tools.core.services import Services

SETTING_NAMES = tuple(WorkspaceSettings.model_fields)
#: The settings that are words. Text is their value; for all others text stands for a JSON value.
_WORDS = frozenset(key for key in SETTING_NAMES if isinstance(getattr(DEFAULTS, key), str))


class Setting(BaseModel):
    """One setting of a workspace."""

    key: str = Field(description="Its name.")
    value: Any = Field(description="The value in effect.")
    updated_at: Timestamp | None = Field(default=None, description="When it was set; null if it has its default.")


class KnownSetting(Setting):
    """One setting, with its default and its meaning."""

    default: Any = Field(description="The value that it has until it is set.")
    description: str = Field(description="Its meaning.")


class SettingList(Answer):
    """Every setting of a workspace."""

    settings: list[KnownSetting] = Field(description="Every setting, also those that have their defaults.")


class SettingRef(InWorkspace):
    """The arguments of `reset_setting`."""

    key: Name = Field(
        description=f"The setting's name: {', '.join(SETTING_NAMES)}.", json_schema_extra={"enum": list(SETTING_NAMES)}
    )


class SetSetting(SettingRef):
    """The arguments of `set_setting`."""

    value: Any = Field(description="Its new value, as a JSON value or as text: 0.7 or '0.7'.")


class SettingChange(Setting, Answer):
    """A setting that was set."""


class SettingReset(Setting, Answer):
    """A setting that was reset to its default."""


def _check_key(key: str) -> str:
    if key not in SETTING_NAMES:
        raise Failure(
            "invalid", f"key: there is no setting {key!r}; settings are {', '.join(SETTING_NAMES)}.", field="key"
        )
    return key


def _parse_value(key: str, value: Any) -> Any:
    """Return the value as it is stored. Raises `invalid`, with the setting and its bound."""
    parsed = value if key in _WORDS or not isinstance(value, str) else _parse_text(value, getattr(DEFAULTS, key))
    refuse_unstorable(parsed, "value")
    try:
        return getattr(WorkspaceSettings.model_validate({key: parsed}, strict=True), key)
    except ValidationError as error:
        raise Failure("invalid", f"value: {failure_from_validation(error, WorkspaceSettings)}", field="value") from None


def _parse_text(text: str, default: Any) -> Any:
    """Return the value that a text stands for: JSON, or words between commas for a list, else the text itself."""
    with suppress(ValueError, RecursionError):
        return load_json(text)
    if isinstance(default, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _find_defaults(services: Services) -> WorkspaceSettings:
    return DEFAULTS.model_copy(update={"consolidation": services.consolidation})


def parse_setting(key: str, value: Any) -> Any:
    """Return the value of a setting as it is stored.

    Raises:
        Failure: `invalid`, there is no such setting, or it cannot have this value.
    """
    return _parse_value(_check_key(key), value)


async def get_settings(services: Services, call: Call, args: InWorkspace) -> SettingList:  # noqa: ARG001 - a handler's signature
    """Return every setting with its value, its default, and the time when it was set."""
    async with services.db.read() as connection:
        kept = await settings.load_settings(connection, call.id_for_reading)
    defaults = _find_defaults(services)
    known = [
        KnownSetting(
            key=key,
            value=getattr(kept.settings if key in kept.set_at else defaults, key),
            default=getattr(defaults, key),
            updated_at=kept.set_at.get(key),
            description=field.description or "",
        )
        for key, field in WorkspaceSettings.model_fields.items()
    ]
    return SettingList(meta=call.meta, settings=known)


async def set_setting(services: Services, call: Call, args: SetSetting) -> SettingChange:
    """Set one setting; other processes see it within a second. A missing workspace is made.

    Raises `invalid` for an unknown key, and for a value that is out of its bounds.
    """
    value = parse_setting(args.key, args.value)
    call = await _change_setting(services, call, args.key, value)
    return SettingChange(meta=call.meta, key=args.key, value=value, updated_at=services.now())


async def reset_setting(services: Services, call: Call, args: SettingRef) -> SettingReset:
    """Reset a setting to its default; if it was not set, nothing changes."""
    default = getattr(_find_defaults(services), _check_key(args.key))
    if isinstance(call.workspace, Workspace):
        await _change_setting(services, call, args.key, None)
    return SettingReset(meta=call.meta, key=args.key, value=default)


async def _change_setting(services: Services, call: Call, key: str, value: Any) -> Call:
    async with services.db.write() as connection:
        call = await ensure_workspace(connection, services, call)
        await settings.change_setting(connection, call.workspace.id, key, value, services.now())
        await raise_epoch(connection)
    services.directory.forget()
    return call


OPERATIONS = (
    Operation(
        name="get_settings",
        description=(
            "List every setting of the workspace, with its value, its bounds and its default: settings of recall, and "
            "of how memories fade."
        ),
        routes=(("GET", "/v1/settings"),),
        scope="memory:read",
        effect=Effect.READ,
        args=InWorkspace,
        returns=SettingList,
        handler=get_settings,
        is_listed=False,
    ),
    Operation(
        name="set_setting",
        description=(
            "Change one setting of the workspace. Only when the person asks for it; get_settings lists the settings."
        ),
        routes=(("PUT", "/v1/settings/{key}"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=SetSetting,
        returns=SettingChange,
        handler=set_setting,
        is_listed=False,
    ),
    Operation(
        name="reset_setting",
        description="Reset one setting of the workspace to its default. Only when the person asks for it.",
        routes=(("DELETE", "/v1/settings/{key}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=SettingRef,
        returns=SettingReset,
        handler=reset_setting,
        is_listed=False,
    ),
)
