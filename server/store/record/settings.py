"""The settings of a workspace, stored in its row: the values that were set, and when. The others have their default."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import to_iso
from server.memory.settings import WorkspaceSettings
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.accounts import workspaces


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """The settings of one workspace, and the time at which each was set, if it was."""

    settings: WorkspaceSettings
    set_at: dict[str, datetime]


_KEPT = sa.select(workspaces.c.settings, workspaces.c.settings_set_at).where(workspaces.c.deleted_at.is_(None))


async def load_settings(connection: AsyncConnection, workspace_id: str) -> StoredSettings:
    """Return the settings of a workspace, or the defaults if there is no such workspace."""
    row = (await connection.execute(_KEPT.where(workspaces.c.id == workspace_id))).one_or_none()
    values, times = ({}, {}) if row is None else _read_row(row)
    set_at = {key: datetime.fromisoformat(at) for key, at in times.items()}
    return StoredSettings(WorkspaceSettings.model_validate(values), set_at)


def _read_row(row: Sequence[Any]) -> tuple[dict[str, Any], dict[str, str]]:
    values, times = row
    return dict(values or {}), dict(times or {})


async def change_setting(connection: AsyncConnection, workspace_id: str, key: str, value: Any, now: datetime) -> None:
    """Set one setting, or give it back its default if the value is None. The caller has checked key and value.

    Raises:
        WorkspaceGone: there is no such workspace.
    """
    # The row is held until the transaction ends, so that of two changes at once neither undoes the other.
    held = _KEPT.where(workspaces.c.id == workspace_id).with_for_update()
    row = (await connection.execute(held)).one_or_none()
    if row is None:
        raise WorkspaceGone(workspace_id)
    values, times = _read_row(row)
    if value is None:
        values.pop(key, None)
        times.pop(key, None)
    else:
        values[key], times[key] = value, to_iso(now)
    changed = sa.update(workspaces).where(workspaces.c.id == workspace_id)
    await connection.execute(changed.values(settings=values or None, settings_set_at=times or None))
