"""Memento's sentences about settings."""

import json
from typing import Any

from tools import settings


def describe_setting_list(answer: settings.SettingList) -> str:
    """Return the settings that were set, as JSON text with text values: Memento's clients parse it."""
    was_set = [each for each in answer.settings if each.updated_at is not None]
    shown = [{**each.model_dump(mode="json"), "value": _to_setting_text(each.value)} for each in was_set]
    return json.dumps([{key: each[key] for key in settings.Setting.model_fields} for each in shown], ensure_ascii=False)


def describe_changed_setting(answer: settings.SettingChange) -> str:
    """Name the setting and its new value."""
    return f'Setting "{answer.key}" set to "{_to_setting_text(answer.value)}".'


def describe_reset_setting(answer: settings.SettingReset) -> str:
    """Name the setting that has its default again."""
    return f'Setting "{answer.key}" deleted (reverted to default).'


def _to_setting_text(value: Any) -> str:
    """Return a value in the form in which Memento's clients send it: 0.7, 14, german, ["a"]."""
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
