# pyright: strict, reportUnnecessaryTypeIgnoreComment=error
"""Who somebody is can be no text of a request: each line below is an error of types, or `make check` fails.

pyright reads this file and nothing runs it. It complains about an `ignore` that is not needed, so a line that becomes
correct is found as well.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.bearers.api_keys import issue_key
from auth.principal import READ, Principal
from server.ids import UserId, new_id
from server.store.directory import Directory
from server.store.record.journal import Actor
from server.store.record.oauth.grants import list_grants
from server.store.record.people.api_keys import list_keys
from tools.core.arguments import Args


class WithUser(Args):
    """Arguments that name a user, as no operation's do."""

    user: str


async def act_as_somebody(args: WithUser, principal: Principal, connection: AsyncConnection, now: datetime) -> None:
    """Take a text for a user, in every way that there is."""
    Principal(args.user, "account", frozenset({READ}), "oauth", "grant")  # pyright: ignore[reportArgumentType]
    Principal(principal.client_id, "account", frozenset(), "issuer", "subject")  # pyright: ignore[reportArgumentType]
    Principal(new_id(now), "account", frozenset({READ}), "api_key", "key")  # pyright: ignore[reportArgumentType]
    principal.user_id = UserId("somebody")  # pyright: ignore[reportAttributeAccessIssue]
    Actor(args.user, "key", "store_memory", "request")  # pyright: ignore[reportArgumentType]
    await issue_key(
        connection,
        user_id=args.user,  # pyright: ignore[reportArgumentType]
        scopes=[READ],
        name="",
        now=now,
    )
    await list_keys(connection, args.user)  # pyright: ignore[reportArgumentType]
    await list_grants(connection, args.user, now)  # pyright: ignore[reportArgumentType]


async def look_into_a_workspace(directory: Directory, args: WithUser, principal: Principal) -> None:
    """Ask for a workspace as a user who is named by a text."""
    await directory.locate_workspace(args.user, principal.account_id, None)  # pyright: ignore[reportArgumentType]
    if principal.client_id is not None:
        await directory.locate_workspace(
            principal.client_id,  # pyright: ignore[reportArgumentType]
            principal.account_id,
            None,
        )
