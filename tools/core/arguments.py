"""The arguments of an operation: their model, and the one way to validate them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from server.errors import Failure, Problem, make_invalid_failure
from server.storable import refuse_unstorable
from tools.core.input.plain_arguments import read_arguments
from tools.core.input.refusals import failure_from_validation, with_spelling

WORKSPACE_PATTERN = r"^[^/\x00-\x1f]+(/[^/\x00-\x1f]+)?$"
WorkspaceName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=201, pattern=WORKSPACE_PATTERN)
]


class Args(BaseModel):
    """The arguments of an operation. Unknown fields are refused.

    `answered_fields` has the fields that only answers have, so that an answer can be sent back: each with the argument
    that it stands for unless that is sent as well, or with None, and then it is left out. If `cleans_itself` is true,
    the handler takes credentials out of what it stores, and nobody else looks for them; and what cannot be stored is
    replaced, and not refused. If `reads_first` is true, the call is answered although a month's limit is reached, and
    the handler asks the meter before it stores.
    """

    answered_fields: ClassVar[Mapping[str, str | None]] = {}
    cleans_itself: ClassVar[bool] = False
    reads_first: ClassVar[bool] = False
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
        description="Another workspace than the connection's: its name, or `account/name`.",
    )


def validate(model: type[A], raw: dict[str, Any]) -> A:
    """Read arguments for what they plainly say, and validate them.

    Raises:
        Failure: `invalid`; the message names the field and its bound, and says what to send instead.
    """
    refuse_unstorable(raw)
    return validate_request(model, raw)


def validate_request(model: type[A], arguments: dict[str, Any], spellings: Mapping[str, str] = {}) -> A:
    """Validate arguments that can be stored, as `validate` does.

    Args:
        model: the model of the arguments.
        arguments: the arguments, in our own words.
        spellings: for each argument that the caller knows by another name, that name; a refusal uses it.

    Raises:
        Failure: `invalid`.
    """
    try:
        return model.model_validate(read_arguments(model, arguments), strict=True)
    except ValidationError as error:
        raise failure_from_validation(error, model, spellings) from None
    except Failure as failure:
        raise with_spelling(failure, spellings) from None
