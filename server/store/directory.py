"""Finding the workspace that a name means, and what is known of a user.

Answers are remembered: every request asks, and they seldom change.
"""

from dataclasses import dataclass

from server.clock import Clock
from server.ids import UserId
from server.names import fold_name
from server.store.db import Database
from server.store.epoch import Epoch, raise_epoch
from server.store.forgetting_cache import ForgettingCache
from server.store.record import workspaces
from server.store.record.people import accounts, rights
from server.store.record.people.plans import Plans
from server.store.record.workspaces import Workspace

REMEMBERED = 10_000
LONGEST_NAME = 100  # as wide as the column


@dataclass(frozen=True, slots=True)
class KnownUser:
    """The facts of a user that requests ask for.

    Attributes:
        name: the name, by which a memory says who stored it.
        default_workspace: the workspace of requests that name none.
        time_zone: a name of the IANA database; None if the user has set none.
    """

    name: str
    default_workspace: str
    time_zone: str | None


class WorkspaceNotFound(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The user may use no workspace that is named `asked`, because they are in no account of that name."""

    def __init__(self, asked: str) -> None:
        super().__init__(asked)
        self.asked = asked


class WorkspaceNameTooLong(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """A workspace's name has more than `LONGEST_NAME` characters."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def check_length(name: str) -> None:
    """Raise WorkspaceNameTooLong if a name has more than `LONGEST_NAME` characters."""
    if len(name) > LONGEST_NAME:
        raise WorkspaceNameTooLong(name)


class Directory:
    """The workspaces and users this process has seen; forgotten when the epoch is raised."""

    def __init__(self, db: Database, now: Clock, epoch: Epoch, plans: Plans) -> None:
        self._db = db
        self._now = now
        self._plans = plans
        # Each workspace stands under its account and folded name, and under its id.
        self._workspaces: ForgettingCache[tuple[str, str] | str, Workspace] = ForgettingCache(2 * REMEMBERED)
        self._users: ForgettingCache[str, KnownUser] = ForgettingCache(REMEMBERED)
        epoch.on_change(self.forget)

    async def locate_workspace(self, user_id: UserId, account_id: str, asked: str | None) -> tuple[str, str]:
        """Return the id of the account and the name of the workspace that a user asks for.

        `asked` is `name`, `account/name`, or None for the user's default. Whether the user may use the workspace is
        not decided here.

        Raises:
            WorkspaceNotFound: there is no such account, or the user is not in it and nothing in it is shared with them.
            WorkspaceNameTooLong: the name has more than `LONGEST_NAME` characters.
        """
        if asked is None:
            user = await self.find_user(user_id)
            return account_id, "default" if user is None else user.default_workspace
        account, slash, name = asked.rpartition("/")
        check_length(name)
        if not slash:
            return account_id, name
        async with self._db.read() as connection:
            mine = await rights.list_named_accounts(connection, user_id)
        by_key = {fold_name(each): account_id for each, account_id in mine.items()}
        if (key := fold_name(account)) not in by_key:
            raise WorkspaceNotFound(asked)
        return by_key[key], name

    async def find_user(self, user_id: UserId) -> KnownUser | None:
        """Return the user with this id, or None if there is none."""
        known = self._users.get(user_id)
        if known is None:
            asked_at = self._users.now()
            async with self._db.read() as connection:
                user = await accounts.get_user(connection, user_id)
            if user is not None:
                known = KnownUser(user.name, user.default_workspace, user.time_zone)
                self._users.remember(user_id, known, asked_at)
        return known

    async def set_time_zone(self, user_id: UserId, time_zone: str | None) -> None:
        """Set the time zone of a user, as a name of the IANA database; None for none."""
        async with self._db.write() as connection:
            await accounts.set_time_zone(connection, user_id, time_zone)
            await raise_epoch(connection)
        self.forget()

    async def find_workspace(self, account_id: str, name: str) -> Workspace | None:
        """Return the account's workspace of this name, or None if it has none."""
        known = self._workspaces.get((account_id, fold_name(name)))
        if known is not None:
            return known
        asked_at = self._workspaces.now()
        async with self._db.read() as connection:
            found = await workspaces.find_workspace(connection, account_id, name)
        return self._remember_workspace(found, asked_at)

    async def get_workspace(self, workspace_id: str) -> Workspace | None:
        """Return the workspace with this id, or None if there is none."""
        known = self._workspaces.get(workspace_id)
        if known is not None:
            return known
        asked_at = self._workspaces.now()
        async with self._db.read() as connection:
            found = await workspaces.get_workspace(connection, workspace_id)
        return self._remember_workspace(found, asked_at)

    async def ensure_workspace(self, account_id: str, name: str, generation: int) -> tuple[Workspace, bool]:
        """Return the account's workspace of this name, and True if it was missing and is made now.

        Raises:
            QuotaExceeded: it was missing, and the account's plan allows no more.
            UnclearWorkspaceName: it was missing, and no new one may have this name.
        """
        known = self._workspaces.get((account_id, fold_name(name)))
        if known is not None:
            return known, False
        asked_at = self._workspaces.now()
        async with self._db.write() as connection:
            found, created = await self._plans.ensure_workspace(connection, account_id, name, generation, self._now())
        self._remember_workspace(found, asked_at)
        return found, created

    async def delete_workspace(self, workspace: Workspace) -> None:
        """Hide a workspace and all that is in it."""
        async with self._db.write() as connection:
            await workspaces.delete_workspace(connection, workspace.id, self._now())
            await raise_epoch(connection)
        self.forget()

    def _remember_workspace(self, found: Workspace | None, asked_at: int) -> Workspace | None:
        if found is not None:
            self._workspaces.remember((found.account_id, fold_name(found.name)), found, asked_at)
            self._workspaces.remember(found.id, found, asked_at)
        return found

    def forget(self) -> None:
        """Forget every answer, so that the record is asked again. Other processes do so when the epoch is raised."""
        self._workspaces.forget()
        self._users.forget()
