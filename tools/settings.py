"""The settings of a workspace: how it recalls, how its memories fade, what it does with the skip list."""

import json
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from server.errors import Failure
from server.memory.models import Timestamp
from server.memory.settings import DEFAULTS, WorkspaceSettings
from server.store.epoch import raise_epoch
from server.store.record import settings
from server.store.record.workspaces import Workspace
from tools.core.fields import Name
from tools.core.operation import Answer, Call, Effect, InWorkspace, Operation, ensure_workspace
from tools.core.refusals import refuse_unstorable, refused
from tools.core.services import Services

KEYS = tuple(WorkspaceSettings.model_fields)
#: The settings that are words: text is what they are, and not what stands for it.
_WORDS = frozenset(key for key in KEYS if isinstance(getattr(DEFAULTS, key), str))


class Setting(BaseModel):
    """One setting of a workspace."""

    key: str = Field(description="Its name.")
    value: Any = Field(description="What holds now.")
    updated_at: Timestamp | None = Field(default=None, description="When it was set; null where it is the default.")


class KnownSetting(Setting):
    """One setting, with what there is to know about it."""

    default: Any = Field(description="What holds where it is not set.")
    description: str = Field(description="What it does.")


class SettingList(Answer):
    """Every setting of a workspace."""

    settings: list[KnownSetting] = Field(description="Every setting there is, those with their defaults too.")


class OneSetting(InWorkspace):
    """What `reset_setting` takes."""

    key: Name = Field(description=f"The setting's name: {', '.join(KEYS)}.")


class SetSetting(OneSetting):
    """What `set_setting` takes."""

    value: Any = Field(description="Its new value, as a JSON value or as text: 0.7 or '0.7'.")


class ChangedSetting(Setting, Answer):
    """A setting that was set."""


class ResetSetting(Setting, Answer):
    """A setting that has its default again."""


def _known(key: str) -> str:
    if key not in KEYS:
        raise Failure("invalid", f"key: there is no setting {key!r}; settings are {', '.join(KEYS)}.", field="key")
    return key


def _checked(key: str, value: Any) -> Any:
    """The value as it is kept. Raises `invalid`, naming the setting and its bound."""
    meant = value if key in _WORDS or not isinstance(value, str) else _meant(value, getattr(DEFAULTS, key))
    refuse_unstorable(meant, "value")
    try:
        return getattr(WorkspaceSettings.model_validate({key: meant}, strict=True), key)
    except ValidationError as error:
        raise Failure("invalid", f"value: {refused(error, WorkspaceSettings)}", field="value") from None


def _meant(text: str, default: Any) -> Any:
    """What a text stands for: JSON, or, for a list, words between commas. Any other text is left as it is."""
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    if isinstance(default, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


async def get_settings(services: Services, call: Call, args: InWorkspace) -> SettingList:  # noqa: ARG001 - a handler's signature
    """Every setting with its value, its default, and when it was set."""
    async with services.db.read() as connection:
        kept = await settings.load(connection, call.id_for_reading)
    known = [
        KnownSetting(
            key=key,
            value=getattr(kept.settings, key),
            default=getattr(DEFAULTS, key),
            updated_at=kept.set_at.get(key),
            description=field.description or "",
        )
        for key, field in WorkspaceSettings.model_fields.items()
    ]
    return SettingList(meta=call.meta, settings=known)


async def set_setting(services: Services, call: Call, args: SetSetting) -> ChangedSetting:
    """Set one setting; other processes see it within a second. A missing workspace is made.

    Raises `invalid` for a key that is not known, and for a value that is out of its bounds.
    """
    value = _checked(_known(args.key), args.value)
    call = await _change(services, call, args.key, value)
    return ChangedSetting(meta=call.meta, key=args.key, value=value, updated_at=services.now())


async def reset_setting(services: Services, call: Call, args: OneSetting) -> ResetSetting:
    """Give a setting its default again; where it was not set, nothing changes."""
    default = getattr(DEFAULTS, _known(args.key))
    if isinstance(call.workspace, Workspace):
        await _change(services, call, args.key, None)
    return ResetSetting(meta=call.meta, key=args.key, value=default)


async def _change(services: Services, call: Call, key: str, value: Any) -> Call:
    async with services.db.write() as connection:
        call = await ensure_workspace(connection, services, call)
        await settings.change(connection, call.workspace.id, key, value, services.now())
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
        listed=False,
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
        returns=ChangedSetting,
        handler=set_setting,
        listed=False,
    ),
    Operation(
        name="reset_setting",
        description="Reset one setting of the workspace to its default. Only when the person asks for it.",
        routes=(("DELETE", "/v1/settings/{key}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=OneSetting,
        returns=ResetSetting,
        handler=reset_setting,
        listed=False,
    ),
)
