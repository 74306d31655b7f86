"""Results that do not depend on the test, kept for the whole process: thousands of tests would compute them anew.

A server describes its API once and compiles each SQL statement once, and a client of MCP checks each schema of an
answer once. A test opens a new server, a new record and new clients, so without this it would do all of it again.
"""

import json
import sys
from collections import UserDict
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, cast

import jsonschema
import sqlalchemy as sa

from server import app
from server.store import db


class StatementCache(UserDict):
    """SQLAlchemy's cache of compiled statements for all engines. Its own keys have the dialect of one engine in them.

    The dialects of one class compile alike here, as the tests meet one version of each database.
    """

    def get(self, key, default=None):
        return self.data.get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key, compiled):
        self.data[(type(key[0]), *key[1:])] = compiled


def share_compiled_statements():
    """Have the engines that are made from now on share the statements that they have compiled."""
    options = {"compiled_cache": StatementCache()}
    db.create_async_engine = partial(db.create_async_engine, execution_options=options)
    sa.create_engine = partial(sa.create_engine, execution_options=options)


def share_checked_schemas():
    """Have jsonschema check a schema against the metaschema once. A schema with an error is checked each time."""
    validator = jsonschema.Draft202012Validator
    check, known = validator.check_schema, set()

    def check_unknown(schema):
        text = json.dumps(schema, sort_keys=True)
        if text not in known:
            check(schema)
            known.add(text)

    validator.check_schema = check_unknown  # pyright: ignore[reportAttributeAccessIssue] - nobody here passes formats


def share_api_description():
    """Have the servers that are made from now on share the OpenAPI document, but for their own URL in it."""
    describe = cache(app.describe_api)
    app.describe_api = lambda public_url: describe("") | {"servers": [{"url": public_url}]}


def share_absence(name):
    """Have imports of a module that is not installed fail at once; each would search all folders, which takes 60 us."""
    if find_spec(name) is None:
        sys.modules[name] = cast("Any", None)
