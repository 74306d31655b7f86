"""The sentences for settings that are wrong: which one, what it must be, and the value that was set."""

from collections.abc import Container, Mapping

from pydantic_core import ErrorDetails

from server.limits import Limits
from server.variables import PREFIX, Given

#: The number of characters of a wrong value that an error message shows.
SHOWN = 80

_SAY = {
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    # these errors can come only from LOCI_PLANS
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "extra_forbidden": f"there is no such limit; the limits are {', '.join(Limits.model_fields)}",
    "string_pattern_mismatch": "must be a name of 1 to 60 letters, digits and . _ - and begin with a letter or digit",
}


def describe_problem(error: ErrorDetails, given: Mapping[str, Given], secrets: Container[str]) -> str:
    """Return one line that names a wrong setting and its error, without the values of secrets."""
    name = str(error["loc"][0])
    each = given.get(name, Given("", f"{PREFIX}{name.upper()}"))
    # a value with an @ may be a URL with a password
    is_shown = name in given and name not in secrets and "@" not in each.text
    inside = ".".join(str(part) for part in error["loc"][1:] if part != "[key]")
    demand = f"{inside[:SHOWN]}: {_describe_demand(error)}" if inside else _describe_demand(error)
    return f"{each.variable}: {demand}" + (f"; you set {each.text[:SHOWN]!r}" if is_shown else "")


def _describe_demand(error: ErrorDetails) -> str:
    """Return an error's message in plain words. An error that is not in `_SAY` has the message of its validator."""
    template = _SAY.get(error["type"])
    if template is None:
        return error["msg"].removeprefix("Value error, ")
    return template.format(**error.get("ctx", {}))
