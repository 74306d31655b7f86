"""The dialects: the words of other systems' clients for a request to an operation, and for its answer.

An operation knows only its own words. The catalogue gives each row its dialect, from the tables in `tools.compat`, and
`tools.core.execution.execute_operation` translates a request before it validates it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from server.errors import Failure


@dataclass(frozen=True, slots=True)
class Request:
    """A request in our words, before it is validated.

    `spellings` has the client's name of each argument that it names otherwise, by our name, so that a refusal names
    the argument as the client did: `{"memories.1.content": "memories.1.narrative"}`.
    `reword_answer` turns the operation's answer into the one that the client reads; None if they are the same.
    """

    arguments: dict[str, Any]
    spellings: Mapping[str, str] = field(default_factory=dict[str, str])
    reword_answer: Callable[[Any], BaseModel] | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """The use of one operation by other systems' clients.

    `translate` turns the arguments that a client sent into ours. It does not validate ours, but raises `Failure` for
    an argument that only the other system has and that cannot be taken. `to_text` puts an answer in words, which REST
    adds as `content:[{type, text}]`; None if the answer has no such text. `complete_body` adds to the body of a REST
    request the arguments that another system's clients mean and do not send. `reword_refusal` turns a refusal of
    arguments into the one that other systems' clients read; None if they are the same. `list_argument` is the argument
    that a list alone in the body of a REST request stands for.
    """

    translate: Callable[[dict[str, Any]], Request] = Request
    to_text: Callable[[Any], str | None] | None = None
    complete_body: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    reword_refusal: Callable[[Failure], Failure] | None = None
    list_argument: str | None = None
