"""The tiers of a workspace: the parts of it that somebody sees from a project or from a task in it."""

from collections.abc import Mapping

#: The fields of a memory, and the values that all memories of a tier have in them.
Tier = Mapping[str, str]


def list_tiers(project: str | None, task: str | None) -> list[Tier]:
    """Return the tiers that are seen from a place, the nearest one last; none from nowhere, which means everything.

    A project sees the global memories and its own, those of its tasks too. A task sees the global ones, those of its
    project, and its own, but not those of other tasks.
    """
    if project is None and task is None:
        return []
    everywhere: Tier = {"scope": "global"}
    if task is None:
        return [everywhere, _name_values(project=project)]
    own = _name_values(project=project, task=task)
    return [everywhere, own] if project is None else [everywhere, {"scope": "project", "project": project}, own]


def _name_values(**values: str | None) -> Tier:
    return {name: value for name, value in values.items() if value is not None}
