"""One definition per operation: its row. The routes, the tool, both schemas and OpenAPI come from it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel

from tools.core.arguments import Args, InWorkspace
from tools.core.dialect import Dialect
from tools.core.services import Services


class Effect(Enum):
    """The change that an operation makes to the store. MCP annotations and HTTP success statuses follow from it."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


#: Its call is a `Call` if the operation is in a workspace, else an `AccountCall`; its arguments are the row's `args`.
Handler = Callable[[Services, Any, Any], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that the product does: its arguments, its answer, its routes and its handler.

    One that is not `is_listed` can be called and is in no list of tools: it is for programs. The catalogue
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
    def stores(self) -> bool:
        """Whether it may store something in a workspace. A change of an account, such as a new key, does not count."""
        return self.is_in_workspace and self.effect in {Effect.CREATE, Effect.UPDATE}

    @property
    def writes(self) -> bool:
        """Whether it is for those who may write in its workspace."""
        return self.effect is not Effect.READ or self.scope != "memory:read"

    @property
    def is_in_workspace(self) -> bool:
        """Whether it is about a workspace, as most are, rather than about an account."""
        return issubclass(self.args, InWorkspace)
