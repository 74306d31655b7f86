"""Checks of schemathesis beside its own: a request that fits the description is accepted.

Its own check of that knows no rule that a JSON schema cannot say, so that it would report those below.
"""

import re

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

#: The refusals of requests that fit the description: rules between two fields, and of what is stored or set.
RULES = re.compile(
    r"is not the next_cursor of this list"
    r"|there is no (plan|memory) '"
    r"|No fields to update"
    r"|since must be before until"
    r"|send \w+ or \w+, (and )?not both"
    r"|(project|task) is required "  # with a task, with a scope
    r"|must have at least 1 character"  # of text that is white space alone
    r"|workspace: has a character that is not allowed here"  # a name in the path of a picture
    r"|has a new value and stands in clear"
    r"|must name at least 2 different memories"  # in their order they differ, without white space they do not
    r"|must be at most \d+ bytes of UTF-8"
    r"|must be a date or date-time in ISO 8601"
    r"|must be a month like 2026-11"
    r"|must be a time zone of the IANA database"
    r"|must not contain the NUL character"
    r"|Nothing was imported, as|The body is empty"  # of a file that is no file of memories
    r"|must not be empty"  # of text that is white space alone
    r"|must lie in the future"
    r"|not active memories of this workspace"
    r"|a link of type '\w+' needs "
    r"|there is no memory '"  # to link to, or to replace
    r"|^value: "  # each setting has a type of its own
    r"|stands for no value"
    r"|name the memories in ids, or at least one filter"
    r"|words are for the actions tag and untag|to_project is for the action move"
    r"|send at least one of name, type, add_aliases"  # null is as good as nothing
    r"|name the entities to merge into it|at least one name stays|is no name of|keeps at least one name"
    r"|an entity has at most \d+ names"
    r"|a personal account has one member"
    r"|Choose a name of 1 to "
    r"|is in the account that this workspace belongs to"
    r"|has only common words"  # a text to skip that would match anything
    r"|send a name, a path or a repository"
    r"|invisible character U\+|looks like a plain one|stands for a folder"  # of a new name
)


@schemathesis.check
def check_acceptance(ctx, response, case):
    """Like `positive_data_acceptance`, but for the rules above."""
    if response.status_code == 400 and RULES.search(response.json().get("message", "")):
        return None
    return positive_data_acceptance(ctx, response, case)
